"""``restore`` as a command: plans, asks, and replaces the database under the locks, with a journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from migops.commands import reset_record
from migops.commands.backup import interrupted, restore_plan, restoring
from migops.commands.backup.restore_plan import Restore
from migops.commands.backup.result import RestoreResult
from migops.commands.backup.source import Source, find, question
from migops.commands.backup.store import FOLDER, SUFFIX
from migops.compose.refusal import ask
from migops.core.errors import ExitCode, MigopsError
from migops.core.location import Location
from migops.core.text import with_hint
from migops.docker import Engine
from migops.runner import past_runs
from migops.state import journal, state_folder
from migops.state.engine_lock import run_lock
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Wanted:
    """The user's options."""

    file: str
    """A path, or the name of a backup."""
    foreign: bool
    """Allow a backup of another server or project."""
    timeout: float
    """Seconds for each query."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The user's side of the run."""

    review: Callable[[Restore], None]
    """Shows the plan. Raises ``Aborted`` if the database's name must be typed and is not."""
    confirm: Callable[[Restore], bool]
    """Asks whether to swap the databases, after the backup was restored and checked."""


def dry_run(target: Target, engine: Engine, wanted: Wanted) -> RestoreResult:
    """Check the backup and plan its restore; nothing is changed."""
    path, source = _found(target, engine, wanted)
    interrupted.refuse(engine, source, state_folder.path(engine, target.project))
    reset_record.refuse(engine, state_folder.path(engine, target.project), source)
    return RestoreResult(_plan(target, engine, wanted, path, source))


def run(target: Target, engine: Engine, wanted: Wanted, dialogue: Dialogue) -> RestoreResult:
    """Restore the backup, after confirmation. Raises as ``restoring.carry_out``, and ``Locked`` beside another run."""
    ask(target.model, target.commands.options, Path.cwd())
    path, source = _found(target, engine, wanted)
    folder = state_folder.folder(engine, target.project)
    with run_lock(engine, folder, target.project, "migops restore", target.commands.unlock()) as lock:
        interrupted.refuse(engine, source, folder)
        reset_record.refuse(engine, folder, source)
        past_runs.refuse_of_others(lock, folder, target, source.reached, wanted.timeout)
        with journal.begin(folder, interrupted.COMMAND, [path.name, target.service]) as log:
            planned = _plan(target, engine, wanted, path, source)
            dialogue.review(planned)

            def goes_on() -> bool:
                """True if confirmed. Raises ``LockLost`` if the lock was lost meanwhile."""
                sure = dialogue.confirm(planned)
                lock.check()
                return sure

            swapped = restoring.carry_out(engine, planned, log, goes_on)
            if swapped.down:
                names = [container.name for container in swapped.down]
                log.end("operator", int(ExitCode.OPERATOR), down=names)
    return RestoreResult(planned, swapped)


def _found(target: Target, engine: Engine, wanted: Wanted) -> tuple[Path, Source]:
    path = _file(wanted.file, state_folder.path(engine, target.project) / FOLDER, target)
    return path, find(question(target, engine, wanted.timeout), engine)


def _plan(target: Target, engine: Engine, wanted: Wanted, path: Path, source: Source) -> Restore:
    return restore_plan.prepare(engine, source, target, path, wanted.timeout, foreign=wanted.foreign)


def _file(given: str, folder: Path, target: Target) -> Path:
    """The backup file: a path, or a name in the backup folder. MigopsError if there is none."""
    for path in (Path(given), *([folder / given] if Path(given).name == given else [])):
        if path.is_file():
            return path.resolve()
    listing = target.commands.say("backup", "--list")
    names = [path.name for path in folder.glob(f"*{SUFFIX}")]
    hint = with_hint(Path(given).name, names, f"`{listing}` lists the backups")
    raise MigopsError("no such file", at=Location(given), hint=hint)
