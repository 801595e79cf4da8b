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
from migops.database.postgres.session import Holder, Session, open_session
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
    """The lock on a database: its holder (None: nobody), or why it is unknown.

    ``is_alive``: whether the holder's process is running; None if unknown on this machine.
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
    """The past runs of a project, oldest first, and the current locks (None: not held).

    ``unlock``: the command that releases one.
    """

    project: str
    folder: Path
    runs: tuple[Run, ...]
    host: lock.Holder | None
    engine: engine_lock.Found | None
    database: DatabaseLock
    unlock: tuple[str, ...]


def look(target: Target, engine: Engine, folder: Path, timeout: float) -> RunLog:
    """Read the runs and locks. If the database cannot be asked, the reason is recorded."""
    runs = tuple(journal.runs(folder))
    host = lock.holder(folder) if (folder / NAME).exists() else None
    on_engine = engine_lock.look(engine, target.project)
    database = _database(target, engine, runs, timeout)
    return RunLog(target.project, folder, runs, host, on_engine, database, target.commands.unlock())


def run_of(run_log: RunLog, number: int) -> Run:
    """The run with that number. Raises MigopsError if there is none."""
    for run in run_log.runs:
        if run.number == number:
            return run
    known = (
        f"runs {run_log.runs[0].number} to {run_log.runs[-1].number} exist" if run_log.runs else "there are no runs yet"
    )
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
        yield Unknown(f"{reached.named.shown} is not a PostgreSQL database, so only the host is locked")
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
    """The lock as the server shows it, and whether the process that it names is still running."""
    try:
        lock_ = DatabaseLock(found.url.shown, found.holder())
    except MigopsError as error:
        return DatabaseLock(found.url.shown, unknown=str(error))
    pid, host = lock_.process
    if lock_.holder is None or not pid or host != ourselves().host:
        return lock_
    known = next((run.who for run in reversed(runs) if (run.who.pid, run.who.host) == (pid, host)), None)
    if known is None:  # its start time is not recorded: a process with that number may be it
        return DatabaseLock(lock_.database, lock_.holder, Who("", host, pid, "").is_there or None)
    alive = {Life.LIVES: True, Life.GONE: False, Life.UNKNOWN: None}[known.life]
    return DatabaseLock(lock_.database, lock_.holder, alive)
