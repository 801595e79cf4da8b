"""The locks of a run that migrates, and what the database says of itself under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from migops.compose import Project
from migops.core import progress
from migops.core.errors import Unavailable
from migops.core.model import Unknown
from migops.core.wait import retry
from migops.database import DatabaseUrl
from migops.database.postgres.session import Session, open_session
from migops.database.postgres.still_running import Command, Sql
from migops.sources.database import Reached, ask, reach, read
from migops.sources.database_psql import psql
from migops.sources.database_question import Question
from migops.sources.database_state import DatabaseState
from migops.state.engine_lock import EngineLock

T = TypeVar("T")

RETURN = 30.0  # seconds for a server that was restarted to answer again
PAUSE = 0.5  # seconds between two attempts to reach a database


def never() -> bool:
    """Nothing ends the waiting early."""
    return False


@dataclass(slots=True)
class MigrationLock:
    """The engine's lock, and on PostgreSQL the database's, which a session of our own holds.

    ``folder`` is the state folder, whose lock is held as well. ``engine_lock`` is None where nobody is to be kept out.
    ``reached`` is None until the database is reached, and where it cannot be asked. ``label`` names the session in the
    server's lists, ``timeout`` (seconds) is for each of its statements. ``stack`` closes it. ``compose`` are the words
    of the compose CLI, as the user can type them.
    """

    folder: Path
    engine_lock: EngineLock | None
    question: Question
    label: str
    timeout: float
    stack: ExitStack
    project: Project | None
    compose: Sequence[str]
    reached: Reached | None = None
    session: Session | None = None

    @property
    def url(self) -> DatabaseUrl | None:
        """The PostgreSQL database that can be asked about transactions; None for another one, or for none."""
        return self.reached.url if self.reached and self.reached.url.dialect == "postgresql" else None

    def reach(self) -> Reached:
        """Find the way to the database. Raises ``Unavailable`` where there is none now."""
        way = reach(self.question)
        if isinstance(way, Reached):
            self.reached = way
            return way
        raise Unavailable(way.reason, hint=way.hint if isinstance(way, Unknown) else "")

    def open_session(self) -> Session:
        """Connect the session that is to hold the lock. Raises ``Unavailable`` where the server lets nobody in."""
        if self.reached is None:
            raise Unavailable("the database was not reached")
        table = self.reached.table
        return self.stack.enter_context(open_session(
            self.reached.url, table=table.name, schema=table.schema, timeout=self.timeout, label=self.label
        ))  # fmt: skip

    def take(self, wait: float, is_hurried: Callable[[], bool] = never) -> None:
        """Take the database's lock, as soon as the server lets anybody in, within ``wait`` seconds.

        Raises ``Locked`` where another run has it, MigopsError (2) where a pooler stands in between, ``Unavailable``
        where the server does not answer in time.
        """
        session = patiently(self.open_session, wait, is_hurried)
        session.lock()
        self.session = session  # only now: a session without the lock must not pass for one that has it

    def read(self) -> DatabaseState:
        """All that the database says of itself, by a connection that only reads; where there is no way to it from here,
        from inside a container. Raises ``Unavailable``."""
        state = read(self.reached, self.timeout) if self.reached is not None else ask(self.question)
        if not isinstance(state, DatabaseState):
            raise Unavailable(state.reason, hint=state.hint if isinstance(state, Unknown) else "")
        return state

    def rows(self, wait: float = RETURN) -> tuple[str, ...]:
        """The version table's rows as they are now: a lost answer is never guessed at.

        They are asked for ``wait`` seconds: our session may be lost, and the server be started again, at another
        address. Raises ``Unavailable`` where they cannot be read.
        """
        return patiently(self._rows_now, wait)

    def check_engine(self) -> None:
        """See that the engine's lock is still ours, before anything is changed. Raises ``LockLost``."""
        if self.engine_lock is not None:
            self.engine_lock.check()

    def check(self) -> None:
        """See that both locks are still ours, before something that cannot be undone.

        Raises ``LockLost`` or ``SessionLost`` where one is not. Where the session went while a migration ran, say with
        a restart of the server, it is taken again, and ``Locked`` raised where someone else was quicker.
        """
        self.check_engine()
        if self.session is not None:
            self.session.check()
        elif self.url is not None:
            self.take(RETURN)

    def lost(self) -> None:
        """The session is gone, and the database's lock with it: ``check`` takes it again."""
        self.session = None

    def sql(self) -> Sql:
        """How the user has the database carry out a statement."""
        if self.reached is None:
            raise LookupError("the database was not reached")
        return sql_by(self.reached, self.project, self.compose)

    def _rows_now(self) -> tuple[str, ...]:
        with suppress(Unavailable):
            if self.session is not None:
                return self.session.rows() or ()
        try:
            return self.read().rows
        except Unavailable:
            if self.reached is None:
                raise
            self.reach()  # a server that was started again may have another address
            return self.read().rows


def sql_by(reached: Reached, project: Project | None, compose: Sequence[str]) -> Sql:
    """How the user has this database carry out a statement."""

    def command(statement: str) -> Command:
        return psql(reached, project, tuple(compose), statement)

    return command


def patiently(ask: Callable[[], T], wait: float, is_hurried: Callable[[], bool] = never) -> T:
    """Ask until there is an answer, for ``wait`` seconds, or until ``is_hurried``. Raises the last ``Unavailable``."""
    with progress.step("wait for the database"):
        return retry(ask, Unavailable, seconds=wait, pause=PAUSE, is_final=lambda _: is_hurried())
