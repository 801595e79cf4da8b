"""From a report to the edits: the findings that are fixed, and those that are not edited, with the reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from migops.analysis.evidence import Evidence
from migops.commands.fix.merge import Merged, merge
from migops.commands.fix.model import Fix, NotFixed
from migops.commands.fix.registry import FIXERS
from migops.core.errors import MigopsError
from migops.core.model import Finding, Report

BY_COMMAND = "a command fixes it, not an edit"
BY_DECISION = "its fix needs a decision that is yours"


@dataclass(frozen=True, slots=True)
class Fixable:
    """A finding with the edits that remove it."""

    finding: Finding
    fix: Fix


@dataclass(frozen=True, slots=True)
class Unfixed:
    """A finding that is not edited, with the reason."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``doctor --fix`` would do."""

    fixable: tuple[Fixable, ...]
    """In the order of the report, without those that contradict an earlier one."""
    unfixed: tuple[Unfixed, ...]

    @property
    def safe(self) -> tuple[Fixable, ...]:
        """The fixes that one question covers."""
        return tuple(each for each in self.fixable if not each.fix.by_name_only)

    @property
    def by_name(self) -> tuple[Fixable, ...]:
        """The fixes that have a question of their own each."""
        return tuple(each for each in self.fixable if each.fix.by_name_only)


def make(report: Report, evidence: Evidence, named: Collection[str]) -> Plan:
    """The plan for the findings of the ``named`` rules; without any, for all that can be fixed without being named."""
    fixable: list[Fixable] = []
    unfixed: list[Unfixed] = []
    for finding in report.findings:
        if named and finding.rule not in named:
            continue
        fixed = _fix(evidence, finding)
        if isinstance(fixed, NotFixed):
            unfixed.append(Unfixed(finding, fixed.reason))
        elif fixed.by_name_only and not named:
            unfixed.append(Unfixed(finding, f"{fixed.title}: only with --fix {finding.rule}"))
        else:
            fixable.append(Fixable(finding, fixed))
    together = {id(fix) for fix in merged(fixable).fixes}
    late = [each for each in fixable if id(each.fix) not in together]
    unfixed += [Unfixed(each.finding, "changes the same lines as another fix: run --fix again") for each in late]
    return Plan(tuple(each for each in fixable if id(each.fix) in together), tuple(unfixed))


def safe_rules(evidence: Evidence, findings: Sequence[Finding]) -> frozenset[str]:
    """The rules of the findings that are edited without being named."""
    fixes = [_fix(evidence, finding) for finding in findings if finding.rule in FIXERS]
    return frozenset(fix.rule for fix in fixes if isinstance(fix, Fix) and not fix.by_name_only)


def merged(fixable: Sequence[Fixable]) -> Merged:
    """The edits of these fixes, one for each file."""
    return merge([each.fix for each in fixable])


def _fix(evidence: Evidence, finding: Finding) -> Fix | NotFixed:
    fixer = FIXERS.get(finding.rule)
    if fixer is None:
        has_command = any(step.command for step in finding.remedy)
        return NotFixed(finding.rule, BY_COMMAND if has_command else BY_DECISION)
    try:
        return fixer(evidence, finding)
    except MigopsError as error:
        return NotFixed(finding.rule, str(error))
    except OSError as error:
        return NotFixed(finding.rule, f"{error.filename or 'a file'} could not be read: {error.strerror}")
