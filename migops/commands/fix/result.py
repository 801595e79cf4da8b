"""What ``doctor --fix`` shows before it asks, and what it has done. Frozen values only."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from migops.commands.fix.model import FileEdit
from migops.commands.fix.plan import Fixable, Plan
from migops.core.errors import ExitCode
from migops.core.model import Finding, Report, Verdict
from migops.core.printed import Commands


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the edited files."""

    name: str
    """What is checked, in words."""
    untried: str = ""
    """The reason why it could not be tried; empty if it passed."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan with the edits of all its files, as shown before the question."""

    report: Report
    plan: Plan
    edits: tuple[FileEdit, ...]
    untried: tuple[Check, ...]
    """The checks that will not be tried."""


@dataclass(frozen=True, slots=True)
class FixResult:
    """How a run ended that was not put back."""

    preview: Preview
    commands: Commands
    applied: tuple[Fixable, ...] = ()
    declined: tuple[Fixable, ...] = ()
    edits: tuple[FileEdit, ...] = ()
    """Of the files that were changed."""
    checks: tuple[Check, ...] = ()
    run: int = 0
    """The run's number in the journal; 0 if nothing was changed."""
    saved: Path | None = None
    """The folder with the files as they were; None if nothing was changed."""
    remaining: tuple[Finding, ...] = ()
    """The findings after the run, without those that wait for a build of the edited files."""
    in_image: bool = False
    """True if a build copies one of the edited files, so that the image is older now."""
    in_git: bool = False
    """True if the project is in a git checkout."""
    fixable_again: tuple[str, ...] = ()
    """Rules of the remaining findings that another ``doctor --fix`` can fix."""
    asked_for: tuple[str, ...] = ()
    """The rules that the call named."""
    no_engine: bool = False

    @property
    def undo(self) -> str:
        """The command that puts the files back; '' if nothing was changed."""
        words = ("--undo", str(self.run), *(("--no-engine",) if self.no_engine else ()))
        return shlex.join(self.commands.migops("doctor", *words)) if self.run else ""

    @property
    def exit_code(self) -> ExitCode:
        """1 if findings remain: of the named rules, else as severe as ``--fail-on`` asks; 3 if there is no verdict."""
        fail_on = self.preview.report.fail_on
        if self.asked_for:
            remain = [each for each in self.remaining if each.rule in self.asked_for and each.severity.rank]
        else:
            remain = [each for each in self.remaining if each.severity.rank >= fail_on.rank]
        if remain:
            return ExitCode.FINDINGS
        is_unknown = self.preview.report.verdict is Verdict.UNKNOWN and not self.run
        return ExitCode.NO_VERDICT if is_unknown else ExitCode.CLEAN


@dataclass(frozen=True, slots=True)
class UndoResult:
    """An earlier run that was taken back, and the files that this changed."""

    run: int
    files: tuple[Path, ...]
