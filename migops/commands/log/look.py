"""Reads a project's journals and the holders of its locks. Nothing is written."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from migops.commands.backup import question
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Unknown
from migops.core.printed import here
from migops.database.postgres.lock_rows import Holder
from migops.database.postgres.session import Session, open_session
from migops.docker import Engine
from migops.sources.database import Reached, reach
from migops.state import engine_lock, journal, lock, state_folder
from migops.state.journal import Run
from migops.state.lock import NAME
from migops.state.process import Life, Who, ourselves
from migops.target import Target

_LABEL = re.compile(r"^(?P<what>.*) (?P<pid>\d+)@(?P<host>\S+)$")


@dataclass(frozen=True, slots=True)
class DatabaseLock:
    """The lock on a database."""

    database: str = ""
    holder: Holder | None = None
    """None if nobody holds it."""
    is_alive: bool | None = None
    """True if the holder's process is running, False if it no longer exists, None if unknown here."""
    unknown: str = ""
    """The reason why the holder is unknown."""

    @property
    def process(self) -> tuple[int, str]:
        """PID and host of the migops that owns the session; (0, '') if the session's name does not contain them."""
        named = _LABEL.match(self.holder.name) if self.holder else None
        return (int(named["pid"]), named["host"]) if named else (0, "")


@dataclass(frozen=True, slots=True)
class RunLog:
    """The past runs of a project and its current locks."""

    project: str
    folder: Path
    """The project's state folder."""
    runs: tuple[Run, ...]
    """Oldest first."""
    host: lock.Holder | None
    """The holder of the host's lock; None if nobody holds it."""
    engine: engine_lock.LockState | None
    """The engine's lock; None if nobody holds it."""
    database: DatabaseLock
    unlock: tuple[str, ...]
    """The command that releases a stale lock."""
    unread: str = ""
    """The reason why no engine was asked; then ``runs`` are those of every engine that has the project."""
    hint: str = ""
    """What to do about that."""
    folders: tuple[Path, ...] = ()
    """The state folders that were read, if there may be several."""


@dataclass(frozen=True, slots=True)
class LogResult:
    """The log of a project, and the ``runs`` of it to show: its last ones, or the one that was asked for."""

    log: RunLog
    runs: tuple[Run, ...]


def look(target: Target, engine: Engine, folder: Path, timeout: float) -> RunLog:
    """Read the runs and the locks. If the database cannot be queried, its lock is unknown, with the reason."""
    folders = (folder, state_folder.no_engine(target.project))
    runs = tuple(sorted((run for each in folders for run in journal.runs(each)), key=lambda run: run.began))
    host = lock.holder(folder) if (folder / NAME).exists() else None
    on_engine = engine_lock.look(engine, target.project)
    database = _database(target, engine, runs, timeout)
    return RunLog(target.project, folder, runs, host, on_engine, database, target.commands.unlock())


def look_on_disk(project: str, unread: MigopsError, unlock: tuple[str, ...]) -> RunLog:
    """Read the runs of the project on every engine, since none answers; ``unread`` says why. Their locks are unknown.

    The host's lock is held by the kernel, so that it is known without an engine. Raises ``Unavailable`` if there are
    no runs: then the answer is not on disk.
    """
    folders = state_folder.paths(project)
    runs = sorted((run for folder in folders for run in journal.runs(folder)), key=lambda run: run.began)
    host = next((held for folder in folders if (held := lock.holder(folder))), None)
    database = DatabaseLock(unknown=str(unread))
    if not runs:
        raise Unavailable(f"no runs of {project} in {state_folder.root()}, and {unread}", hint=unread.hint)
    return RunLog(project, folders[0], tuple(runs), host, None, database, unlock, str(unread), unread.hint, folders)


def runs_of(run_log: RunLog, number: int) -> tuple[Run, ...]:
    """The run of that number; without an engine that of each. MigopsError if there is none."""
    if found := tuple(run for run in run_log.runs if run.number == number):
        return found
    numbers = [run.number for run in run_log.runs]
    known = f"runs {min(numbers)} to {max(numbers)} exist" if numbers else "no runs yet"
    raise MigopsError(
        f"{run_log.project} has no run {number}: {known}", hint=f"`{shlex.join(here().log())}` lists them"
    )


@contextmanager
def session(target: Target, engine: Engine, timeout: float) -> Iterator[Session | Unknown]:
    """A session on the target's database, or the reason why there is none."""
    try:
        reached = reach(question(target, engine, timeout))
    except MigopsError as error:
        yield Unknown(str(error), error.hint)
        return
    if not isinstance(reached, Reached):
        yield Unknown(reached.reason)
        return
    if reached.url.dialect != "postgresql":
        yield Unknown(f"{reached.named.shown} is not a PostgreSQL database, so only the host and the engine are locked")
        return
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_session(
                reached.url, table=reached.table.name, schema=reached.table.schema, timeout=timeout, label="migops log"
            ))  # fmt: skip
        except MigopsError as error:
            yield reached.unknown(error)
            return
        yield opened


def _database(target: Target, engine: Engine, runs: Sequence[Run], timeout: float) -> DatabaseLock:
    with session(target, engine, timeout) as found:
        return DatabaseLock(unknown=found.reason) if isinstance(found, Unknown) else lock_of(found, runs)


def lock_of(opened: Session, runs: Sequence[Run]) -> DatabaseLock:
    """The lock's holder by the server, and whether its process is running."""
    try:
        lock_ = DatabaseLock(opened.url.shown, opened.holder())
    except MigopsError as error:
        return DatabaseLock(opened.url.shown, unknown=str(error))
    pid, host = lock_.process
    if lock_.holder is None or not pid or host != ourselves().host:
        return lock_
    known = next((run.who for run in reversed(runs) if (run.who.pid, run.who.host) == (pid, host)), None)
    if known is None:  # its start is not in the journal: any process of that number may be the holder
        return DatabaseLock(lock_.database, lock_.holder, Who("", host, pid, "").is_there or None)
    alive = {Life.LIVES: True, Life.GONE: False, Life.UNKNOWN: None}[known.life]
    return DatabaseLock(lock_.database, lock_.holder, alive)
