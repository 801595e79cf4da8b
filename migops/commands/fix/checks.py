"""The checks after the edits: a second doctor must be clean of what was fixed, and nothing may have become worse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from migops.analysis.evidence import Evidence
from migops.commands.fix.plan import Fixable
from migops.core.errors import MigopsError
from migops.core.model import Finding, PlaceName, Report
from migops.database.url import parse_url

_LINE = re.compile(r":\d+\b")
_OF_COPIES = re.compile(r"MIG([07]\d\d|10[1235]|20[1-8])$")
"""Rules that compare an edited file with older copies of it: in git, in the image, in a container."""


def worse(fixed: Sequence[Fixable], before: Report, after: Report) -> str:
    """What the second doctor says against the edits, in a sentence; '' if nothing."""
    left = next((each for each in fixed if _key(each.finding) in {_key(other) for other in after.findings}), None)
    if left is not None:
        return f"doctor still reports {left.finding.rule}: {left.finding.message}"
    known = {_key(finding) for finding in before.findings}
    rank = max((each.finding.severity.rank for each in fixed), default=0)
    for finding in after.findings:
        if _key(finding) not in known and finding.severity.rank >= rank and not waits_for_build(finding):
            return f"doctor now reports {finding.rule}: {finding.message}"
    lost = {skipped.rule for skipped in after.skipped} - {skipped.rule for skipped in before.skipped}
    rules = {each.finding.rule for each in fixed} & lost
    if rules:
        return f"doctor can no longer check {', '.join(sorted(rules))}"
    return ""


def other_database(before: Evidence, after: Evidence) -> str:
    """The databases, if the edits changed which one Alembic means; '' if it is the same, or was unknown."""
    one, two = _database(before), _database(after)
    return f"Alembic would migrate another database: {two or 'none'} instead of {one}" if one and one != two else ""


def _database(evidence: Evidence) -> str:
    url = evidence.setup.url if evidence.setup else None
    if url is None:
        return ""
    try:
        return parse_url(url.text, ours=False).shown
    except MigopsError:  # no URL, so no database to compare
        return ""


def waits_for_build(finding: Finding) -> bool:
    """True if the finding is about an older copy of the files: a commit, a build or an `up` removes it."""
    places = finding.facts.get("places")
    if places is not None:
        return not {PlaceName.HOST.value, PlaceName.CONTEXT.value} & {*places}
    return finding.facts.get("place") in ("image", "container") or _OF_COPIES.match(finding.rule) is not None


def remaining(before: Report, after: Report, fixed: Sequence[Fixable]) -> tuple[Finding, ...]:
    """The findings of the second doctor, without those that the edits themselves made: they wait for a build."""
    known = {_key(finding) for finding in before.findings}
    return tuple(each for each in after.findings if _key(each) in known or not waits_for_build(each) or not fixed)


def _key(finding: Finding) -> tuple[str, str, str]:
    """What makes a finding the same one after lines have moved."""
    path = PurePath(_LINE.sub("", finding.subject.path)).as_posix() if finding.subject.path else ""
    return finding.rule, path, _LINE.sub("", finding.message)
