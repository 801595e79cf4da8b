"""What a second doctor may say after the edits; and that each fix is documented."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migops.commands.fix.checks import remaining, worse
from migops.commands.fix.model import Fix
from migops.commands.fix.plan import Fixable
from migops.commands.fix.registry import FIXERS
from migops.core.model import Finding, Report, Severity, Subject, Verdict
from migops.rules import RULES

ERROR, WARNING = Severity.ERROR, Severity.WARNING
REPORT = Report("doctor", Verdict.FINDINGS, "p", "app", None, (), (), (), (), ())


def finding(
    rule: str, message: str = "it is wrong", severity: Severity = ERROR, path: str = "", facts: Mapping[str, Any] = {}
) -> Finding:  # fmt: skip
    return Finding(rule, "name", severity, Subject(path=path), message, "cause", facts=facts)


def said(fixed: Finding, *after: Finding, before: tuple[Finding, ...] = ()) -> str:
    fixable = Fixable(fixed, Fix(fixed.rule, "title", ()))
    return worse([fixable], replace(REPORT, findings=(fixed, *before)), replace(REPORT, findings=after))


def test_a_finding_that_is_still_there_although_its_line_moved() -> None:
    assert "still reports MIG501" in said(finding("MIG501", path="a.ini:4"), finding("MIG501", path="a.ini:3"))
    assert said(finding("MIG501", path="a.ini:4"), finding("MIG501", "another", path="a.ini:4"), before=(
        finding("MIG501", "another", path="a.ini:5"),)) == "", "it was there before"  # fmt: skip


def test_a_new_finding_as_severe_as_what_was_fixed() -> None:
    assert "now reports MIG508" in said(finding("MIG503"), finding("MIG508"))
    assert said(finding("MIG501"), finding("MIG503", severity=WARNING)) == "", "a milder one that the error hid"
    assert "now reports MIG504" in said(finding("MIG505", severity=WARNING), finding("MIG504", severity=WARNING))


@pytest.mark.parametrize(
    "copy",
    [
        finding("MIG101"), finding("MIG006", severity=WARNING), finding("MIG204"), finding("MIG701"),
        finding("MIG501", "image: it is wrong", facts={"places": ["image"]}),
        finding("MIG108", "in the image", facts={"place": "image"}),
    ],
    ids=lambda each: each.rule,
)  # fmt: skip
def test_older_copies_of_the_file_are_expected_to_differ(copy: Finding) -> None:
    fixed = finding("MIG501", "host and image: it is wrong", facts={"places": ["host", "image"]})
    assert said(fixed, copy) == ""
    before, after = replace(REPORT, findings=(fixed,)), replace(REPORT, findings=(copy,))
    assert remaining(before, after, [Fixable(fixed, Fix("MIG501", "", ()))]) == ()
    was_there = replace(REPORT, findings=(fixed, copy))
    assert remaining(was_there, after, [Fixable(fixed, Fix("MIG501", "", ()))]) == (copy,)


def test_each_fix_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fix.md").read_text(encoding="utf-8")
    assert set(re.findall(r"MIG\d{3}", page)) >= {rule for rule in FIXERS if rule != "MIG004"}
    assert set(FIXERS) <= {rule.id for rule in RULES}
