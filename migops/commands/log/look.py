"""Reads the journals of a project, and who holds its locks. Nothing is written."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from migops.commands.backup import question
from migops.core.errors import MigopsError
from migops.core.model import Unknown
from migops.core.printed import here
from migops.database.postgres.lock_rows import Holder
from migops.database.postgres.session import Session, open_session
from migops.docker import Engine
from migops.sources.database import Reached, reach
from migops.state import engine_lock, journal, lock
from migops.state.journal import Run
from migops.state.lock import NAME
from migops.state.process import Life, Who, ourselves
from migops.target import Target

_LABEL = re.compile(r"^(?P<what>.*) (?P<pid>\d+)@(?P<host>\S+)$")


@dataclass(frozen=True, slots=True)
class DatabaseLock:
    """The lock on a database: whose it is (None: nobody's), or why that is not known.

    ``is_alive`` tells of the process that the holder names: True, False, or None where that is not known here.
    """

    database: str = ""
    holder: Holder | None = None
    is_alive: bool | None = None
    unknown: str = ""

    @property
    def process(self) -> tuple[int, str]:
        """The number and the host of the migops that the session belongs to; (0, '') where its name does not tell."""
        named = _LABEL.match(self.holder.name) if self.holder else None
        return (int(named["pid"]), named["host"]) if named else (0, "")


@dataclass(frozen=True, slots=True)
class RunLog:
    """The past runs of a project, the oldest first, and the locks as they are now (None: nobody's).

    ``unlock`` is what the user types to release one.
    """

    project: str
    folder: Path
    runs: tuple[Run, ...]
    host: lock.Holder | None
    engine: engine_lock.LockState | None
    database: DatabaseLock
    unlock: tuple[str, ...]


def look(target: Target, engine: Engine, folder: Path, timeout: float) -> RunLog:
    """Read all that there is to tell. What cannot be asked of the database is said with its reason."""
    runs = tuple(journal.runs(folder))
    host = lock.holder(folder) if (folder / NAME).exists() else None
    on_engine = engine_lock.look(engine, target.project)
    database = _database(target, engine, runs, timeout)
    return RunLog(target.project, folder, runs, host, on_engine, database, target.commands.unlock())


def run_of(run_log: RunLog, number: int) -> Run:
    """The run of that number. Raises MigopsError where there is none."""
    for run in run_log.runs:
        if run.number == number:
            return run
    known = f"there are {run_log.runs[0].number} to {run_log.runs[-1].number}" if run_log.runs else "there is none yet"
    raise MigopsError(
        f"{run_log.project} has no run {number}: {known}", hint=f"`{shlex.join(here().log())}` lists them"
    )


@contextmanager
def session(target: Target, engine: Engine, timeout: float) -> Iterator[Session | Unknown]:
    """A session on the database of the target, or why there is none."""
    try:
        reached = reach(question(target, engine, timeout))
    except MigopsError as error:
        yield Unknown(str(error), error.hint)
        return
    if not isinstance(reached, Reached):
        yield Unknown(reached.reason)
        return
    if reached.url.dialect != "postgresql":
        yield Unknown(f"{reached.named.shown} is no PostgreSQL database, so nothing but the host is locked")
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


def lock_of(found: Session, runs: Sequence[Run]) -> DatabaseLock:
    """The lock as the server shows it, and whether the process that it names still is."""
    try:
        lock_ = DatabaseLock(found.url.shown, found.holder())
    except MigopsError as error:
        return DatabaseLock(found.url.shown, unknown=str(error))
    pid, host = lock_.process
    if lock_.holder is None or not pid or host != ourselves().host:
        return lock_
    known = next((run.who for run in reversed(runs) if (run.who.pid, run.who.host) == (pid, host)), None)
    if known is None:  # nobody noted when it began: a process of that number may be it
        return DatabaseLock(lock_.database, lock_.holder, Who("", host, pid, "").is_there or None)
    alive = {Life.LIVES: True, Life.GONE: False, Life.UNKNOWN: None}[known.life]
    return DatabaseLock(lock_.database, lock_.holder, alive)
