"""The evidence of ``status`` and ``doctor``: every place with the database, and on request the drift of the models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from migops import collect
from migops.analysis.evidence import Evidence
from migops.collect.database_query import Ask
from migops.commands import check, plan
from migops.commands import status as statuses
from migops.commands.plan.surroundings import surroundings
from migops.commands.status import Status
from migops.core.model import Absent, Finding, PlaceName, Report, Severity, Unknown, Verdict
from migops.docker import Engine
from migops.rules.rule import Rule
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Access:
    """Ways to the places: the ``engine`` (None: do not use it), the database, and whether to run ``alembic check``."""

    engine: Callable[[], Engine] | None
    ask: Ask
    drift: bool = False
    fixable: Callable[[Evidence, Sequence[Finding]], frozenset[str]] = lambda evidence, findings: frozenset()
    """The rules of these findings that ``doctor --fix`` edits if no rule is named."""


def status(target: Target, access: Access, rules: Sequence[Rule], fail_on: Severity) -> Status:
    """The matrix of revisions and places, and the database's position. Raises MigopsError as ``collect.check`` does."""
    evidence = collect.check(  # ``lint`` for MIG407: the models
        target, access.engine, ask=access.ask, lint=access.drift, live=True
    )
    evidence = _with_drift(target, evidence, access)
    return statuses.make(target, evidence, rules, fail_on, _needed(evidence, access))


def doctor(target: Target, access: Access, rules: Sequence[Rule], fail_on: Severity) -> Report:
    """The report of all rules. Without an engine and a URL, only what the files say is judged."""
    return report(target, evidence_of_doctor(target, access), access, rules, fail_on)


def evidence_of_doctor(target: Target, access: Access) -> Evidence:
    """All that ``doctor`` reads."""
    has_engine = access.engine is not None
    evidence = collect.check(target, access.engine, all_files=has_engine, ask=access.ask, lint=True, live=True)
    return _with_drift(target, evidence, access)


def report(
    target: Target, evidence: Evidence, access: Access, rules: Sequence[Rule], fail_on: Severity
) -> Report:  # fmt: skip
    """The report of ``doctor`` on its evidence."""
    places = _needed(evidence, access)
    lint_only = access.engine is None and not access.ask.url
    if lint_only or isinstance(evidence.database, Absent):
        places.remove(PlaceName.DATABASE)  # its rules are skipped with the reason; the rest is judged
    report = check.make("doctor", target, evidence, rules, fail_on, places)
    around = surroundings(
        target, evidence, report.findings, places,
        has_engine=access.engine is not None, fixable=lambda: access.fixable(evidence, report.findings),
    )  # fmt: skip
    is_known = report.verdict is not Verdict.UNKNOWN
    return replace(report, plan=plan.make(report.findings, fail_on, around, is_known=is_known))


def _with_drift(target: Target, evidence: Evidence, access: Access) -> Evidence:
    if not access.drift or access.engine is None:
        return evidence
    from migops.commands import drift  # and all that runs Alembic

    return replace(evidence, drift=drift.ask(target, evidence, access.engine))


def _needed(evidence: Evidence, access: Access) -> list[PlaceName]:
    """The places without which there is no verdict."""
    places = [PlaceName.HOST, *([PlaceName.IMAGE] if access.engine else []), PlaceName.DATABASE]
    if isinstance(evidence.chain.places.get(PlaceName.CONTAINER), Unknown):
        places.append(PlaceName.CONTAINER)  # there may be none, but one that is there must be read
    return check.required(evidence, places, PlaceName.IMAGE)
