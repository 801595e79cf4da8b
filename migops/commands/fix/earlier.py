"""Earlier runs of ``doctor --fix``: what a killed one has left, and how a run is undone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from migops.commands.fix.saved import Saved, of_record, put_back
from migops.core.errors import Aborted, ManualActionRequired, MigopsError
from migops.core.printed import here
from migops.core.text import counted
from migops.state import journal, state_folder
from migops.state.journal import Run
from migops.state.lock import host_lock

COMMAND = "doctor --fix"
UNDO = "doctor --undo"


@dataclass(frozen=True, slots=True)
class Left:
    """A run that was killed after it had begun to write."""

    run: int
    files: tuple[Saved, ...]

    @property
    def written(self) -> tuple[Saved, ...]:
        """The files that are as the run wrote them."""
        return tuple(each for each in self.files if each.is_written and not each.is_put_back)

    def __str__(self) -> str:
        there, many = len(self.written), counted(len(self.files), "file")
        return f"run {self.run} of {COMMAND} was killed before its edits were checked: {there} of {many} changed"


def left_behind(folder: Path) -> Left | None:
    """The last run, if it was killed and files are still as it wrote them."""
    for run in reversed(journal.runs(folder)):
        if run.command == COMMAND and run.has("write"):
            left = Left(run.number, files_of(run)) if run.is_interrupted else None
            return left if left is not None and left.written else None
    return None


def files_of(run: Run) -> tuple[Saved, ...]:
    """The files that a run saved before it wrote."""
    return tuple(of_record(each) for each in run.facts("save").get("files") or ())


@contextmanager
def locked(folder: Path, command: str) -> Iterator[None]:
    """Hold the lock of the project in ``folder`` and in its folders of other engines: the files are the same."""
    folders = {folder, *state_folder.paths(folder.name)}
    with ExitStack() as held:
        for each in sorted(folders):
            held.enter_context(host_lock(each, command))
        yield


def folder_with(folder: Path, number: int) -> Path:
    """The folder that has the run: the given one, else the only other one of the project. MigopsError if none has."""
    having = [each for each in dict.fromkeys((folder, *state_folder.paths(folder.name))) if _run(each, number)]
    if folder in having or len(having) == 1:
        return folder if folder in having else having[0]
    raise MigopsError(f"run {number} is not one of {COMMAND}", hint=f"`{shlex.join(here().log())}` lists the runs")


def _run(folder: Path, number: int) -> Run | None:
    return next((each for each in journal.runs(folder) if (each.number, each.command) == (number, COMMAND)), None)


def undo(folder: Path, number: int) -> tuple[Saved, ...]:
    """Put back the files of a run, byte for byte. Returns those that were changed by that.

    MigopsError if there is no such run, ``Aborted`` if somebody has changed one of the files since: then nothing is
    put back. ``ManualActionRequired`` if a file could not be written.
    """
    folder = folder_with(folder, number)
    put = todo(folder, number)
    with locked(folder, UNDO), journal.begin(folder, UNDO, (str(number),)) as record:
        record.note("put back", "started", files=[str(each.path) for each in put])
        problems = put_back(put)
        if problems:
            raise not_put_back(problems, put)
        record.note("put back", "done")
    return put


def todo(folder: Path, number: int) -> tuple[Saved, ...]:
    """The files that putting back a run would change. Raises as ``undo`` does; nothing is changed."""
    run = _run(folder_with(folder, number), number)
    files = tuple(each for each in (files_of(run) if run else ()) if not each.is_put_back)
    if strange := [each for each in files if not each.is_written]:
        raise Aborted(
            f"{strange[0].path} was changed after run {number} wrote it, so nothing was put back",
            hint="compare it with its saved copy, and keep what you need",
            commands=[("diff", str(each.copy), str(each.path)) for each in strange if each.copy],
        )
    return files


def not_put_back(problems: Sequence[str], files: Sequence[Saved]) -> ManualActionRequired:
    """The error that some files could not be put back, with the commands that do it. What somebody has written since
    is nowhere else, so for such a file the command only shows the difference."""
    commands = [words for each in files if not each.is_put_back for words in _by_hand(each)]
    return ManualActionRequired(f"not all files could be put back: {'; '.join(problems)}", commands=commands)


def _by_hand(file: Saved) -> Iterator[tuple[str, ...]]:
    is_ours = file.is_written or not file.path.exists()
    if file.copy is None:
        if is_ours:
            yield ("rm", str(file.path))
    elif not is_ours or not file.has_copy:
        yield ("diff", str(file.copy), str(file.path))
    else:
        if not file.has_content:
            yield ("cp", "--preserve=timestamps", str(file.copy), str(file.path))
        yield ("chmod", f"{file.mode:04o}", str(file.path))
