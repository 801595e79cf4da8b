"""One run of ``doctor --fix``: plan, questions, saved copies, edits, checks; what fails a check is put back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands import diagnosis
from migops.commands.diagnosis import Access
from migops.commands.fix import plan as plans
from migops.commands.fix import writing
from migops.commands.fix.accepts import ComposeReading, composed
from migops.commands.fix.checks import other_database, remaining, worse
from migops.commands.fix.earlier import COMMAND, left_behind, locked, not_put_back, undo
from migops.commands.fix.model import FileEdit
from migops.commands.fix.plan import Fixable
from migops.commands.fix.result import Check, FixResult, Preview
from migops.commands.fix.saved import Saved, put_back, save
from migops.commands.fix.trials import Trials
from migops.core.errors import Aborted, Failed, MigopsError
from migops.core.model import Report, Severity
from migops.core.text import counted
from migops.docker import Engine
from migops.rules.rule import Rule
from migops.sources.repository import holder
from migops.state import journal, state_folder
from migops.state.journal import Journal
from migops.state.signals import unhurried
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run needs to read, to judge and to write."""

    resolve: Callable[[], Target]
    """The target, read again after the edits: a compose file may be one of them."""
    access: Access
    rules: Sequence[Rule]
    fail_on: Severity
    named: tuple[str, ...] = ()
    """The rules whose findings are to be fixed; () for all that are safe to fix."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How a run talks to its user."""

    say: Callable[[str], None]
    show: Callable[[Preview], None]
    confirm: Callable[[str], bool]
    """Asks a question. Raises ``Aborted`` where nobody can answer."""


def run(inputs: Inputs, dialogue: Dialogue) -> FixResult:
    """Fix what can be fixed. Raises ``Aborted`` without a yes, ``Failed`` if the edits were put back.

    ``ManualActionRequired``: a file could not be put back. MigopsError as ``doctor`` does.
    """
    target = inputs.resolve()
    where = folder_of(target, inputs.access)
    if _recovered(where, root_of(target), dialogue):
        target = inputs.resolve()  # the compose file may be among what was put back
    evidence = diagnosis.evidence_of_doctor(target, inputs.access)
    report = diagnosis.report(target, evidence, inputs.access, inputs.rules, inputs.fail_on)
    plan = plans.make(report, evidence, inputs.named)
    trials = Trials.of(target, evidence, inputs.access, plan.fixable)
    preview = Preview(report, plan, plans.merged(plan.fixable).edits, trials.untried())
    result = FixResult(
        preview, target.commands, remaining=report.findings, asked_for=inputs.named,
        no_engine=inputs.access.engine is None,
    )  # fmt: skip
    if not plan.fixable:
        return result
    dialogue.show(preview)
    chosen = _chosen(preview, dialogue)
    declined = tuple(each for each in plan.fixable if each not in chosen)
    if not chosen:
        raise Aborted("nothing was changed")
    edits = plans.merged(chosen).edits
    attempt = _Attempt(inputs, dialogue, target, evidence, report, tuple(chosen), edits)
    return replace(attempt.run(where, result), declined=declined)


def folder_of(target: Target, access: Access) -> Path:
    """The state folder of the target's project, which may not exist yet."""
    project = target.project or target.root.name
    if access.engine is None:
        return state_folder.path_without_engine(project)
    engine: Engine = access.engine()
    return state_folder.path(engine, project)


def root_of(target: Target) -> Path:
    """The folder that the project's files are in."""
    return Path(target.model.directory) if target.model else target.root


def _recovered(where: Path, root: Path, dialogue: Dialogue) -> bool:
    """Offer to put back what a killed run has left. True if it was put back.

    A project of the same name in another folder has the same state folder: its files are not touched from here.
    """
    left = left_behind(where)
    if left is None:
        return False
    dialogue.say(str(left))
    if not any(each.path.is_relative_to(writing.real(root)) for each in left.written):
        dialogue.say(f"they are not of this project ({left.written[0].path}), so they are left as they are")
        return False
    if not dialogue.confirm(f"Put {counted(len(left.written), 'file')} back first?"):
        return False
    undo(where, left.run)
    dialogue.say(f"put back: {', '.join(str(each.path) for each in left.written) or 'all files are as they were'}")
    return True


def _chosen(preview: Preview, dialogue: Dialogue) -> list[Fixable]:
    """The fixes that the user wants."""
    safe, plan = preview.plan.safe, preview.plan
    number = len({(each.finding.rule, each.fix.title) for each in safe})
    chosen = list(safe) if safe and dialogue.confirm(f"Apply {_these(number)}?") else []
    return chosen + [each for each in plan.by_name if dialogue.confirm(f"{each.finding.rule}: {each.fix.title}?")]


def _these(number: int) -> str:
    return "this change" if number == 1 else f"these {number} changes"


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was read after the edits."""

    report: Report
    evidence: Evidence
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The edits of a run, once they are confirmed."""

    inputs: Inputs
    dialogue: Dialogue
    target: Target
    evidence: Evidence
    report: Report
    chosen: tuple[Fixable, ...]
    edits: tuple[FileEdit, ...]

    def run(self, where: Path, result: FixResult) -> FixResult:
        folder = state_folder.folder_at(where)
        words = [each.finding.rule for each in self.chosen]
        with locked(folder, COMMAND), journal.begin(folder, COMMAND, tuple(dict.fromkeys(words))) as record:
            for edit in self.edits:
                writing.refuse(edit, self.root)
            copies, files = save(folder, record.run, self.edits)
            record.note("save", "done", folder=str(copies), files=[each.record() for each in files])
            self.dialogue.say(f"saved {counted(len(files), 'file')} in {copies}")
            before = composed(self.target.commands.compose) if self.target.commands.compose else ComposeReading(None)
            try:
                self._write(record)
                after = self._check(record, before)
            except BaseException as error:
                with unhurried():
                    self._put_back(record, files, str(error) or type(error).__name__)
                if isinstance(error, OSError):
                    raise Failed(f"cannot write {error.filename}: {error.strerror}; {_AS_BEFORE}") from None
                raise
            if isinstance(after, str):
                with unhurried():
                    self._put_back(record, files, after)
                raise Failed(f"{after}; {_AS_BEFORE}")
            number = record.run
        left = remaining(self.report, after.report, self.chosen)
        again = plans.make(after.report, after.evidence, ()).fixable
        return replace(
            result, applied=self.chosen, edits=self.edits, checks=after.checks, run=number, saved=copies,
            remaining=left, in_image=self._are_built(), in_git=holder(self.root) is not None,
            fixable_again=tuple(sorted({each.finding.rule for each in again})),
        )  # fmt: skip

    @property
    def root(self) -> Path:
        """The folder that the project's files are in."""
        return root_of(self.target)

    def _are_built(self) -> bool:
        """True if one of the files is no compose file: then a build may copy it."""
        files = [writing.real(Path(file)) for file in self.target.model.files] if self.target.model else []
        return any(writing.real(edit.path) not in files for edit in self.edits)

    def _write(self, record: Journal) -> None:
        record.note("write", "started")
        with unhurried():
            for edit in self.edits:
                writing.write(edit)
        record.note("write", "done")

    def _check(self, record: Journal, before: ComposeReading) -> _Checked | str:
        """What was read after the edits, and the checks that they passed; or what one of them has against the edits."""
        record.note("check", "started")
        try:
            target = self.inputs.resolve()
            self.dialogue.say("checking the edited files with doctor")
            evidence = diagnosis.evidence_of_doctor(target, self.inputs.access)
            after = diagnosis.report(target, evidence, self.inputs.access, self.inputs.rules, self.inputs.fail_on)
        except Aborted:
            raise
        except MigopsError as error:
            return f"doctor cannot read the edited files: {error}"
        problem = worse(self.chosen, self.report, after) or other_database(self.evidence, evidence)
        if problem:
            return problem
        trials = Trials(target, evidence, self.inputs.access, self.chosen, self.edits, before)
        checks = trials.run(self.dialogue.say)
        if isinstance(checks, str):
            return checks
        record.note("check", "done", untried=[f"{each.name}: {each.untried}" for each in checks if each.untried])
        return _Checked(after, evidence, checks)

    def _put_back(self, record: Journal, files: Sequence[Saved], reason: str) -> None:
        """Put all files back. Raises ``ManualActionRequired`` if one cannot be."""
        record.noted("put back", "started", message=reason)
        problems = put_back(files)
        if problems:
            raise not_put_back(problems, files)
        record.noted("put back", "done")


_AS_BEFORE = "all files were put back, byte for byte"
