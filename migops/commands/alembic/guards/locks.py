"""The locks that are held while Alembic changes a database, and the version table as it stands under them."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from migops.collect import database_query
from migops.collect.state import host_home
from migops.commands.alembic.guards.context import GuardContext
from migops.core.errors import Aborted, Failed, Locked, ManualActionRequired, Unavailable
from migops.core.model import Absent, Unknown
from migops.database import DatabaseUrl
from migops.database.postgres.session import Session, SessionLost, open_session
from migops.database.postgres.still_running import Command, Sql, refuse_beside
from migops.docker.containers import inspect
from migops.sources.database import Reached, ask, find_url, reach, read
from migops.sources.database_psql import psql
from migops.sources.database_question import Question
from migops.sources.database_state import DatabaseState
from migops.state import journal, owner, state_folder
from migops.state.engine_lock import EngineLock, LockLost, run_lock
from migops.state.process import Life

WAIT = 30.0  # seconds that a database which does not answer yet is waited for, where the user did not say
TIMEOUT = 10.0  # seconds for one attempt, and for a statement of our own
AFTERWARDS = 15.0  # seconds for a server that restarts to say where it stands
PAUSE = 0.5
_SERVERS_WORD = re.compile(r"password authentication|does not exist|no pg_hba.conf|SSL|not permitted", re.IGNORECASE)
"""The server has answered, and would say the same again."""


@dataclass(slots=True)
class MigrationLock:
    """The locks of host and engine, and on PostgreSQL the database's. ``reached`` is None where the database cannot be
    asked."""

    context: GuardContext
    folder: Path
    lock: EngineLock
    reached: Reached | None = None
    session: Session | None = None

    def rows(self) -> tuple[str, ...] | None:
        """The revisions that the version table names before anything is run; None where that cannot be told.

        Raises ``Unavailable`` where a database that is locked for us does not say: somebody may have locked the table.
        """
        if self.session is not None:
            return self.session.rows() or ()
        found = self.state()
        return found.rows if found else None

    @property
    def url(self) -> DatabaseUrl | None:
        """The PostgreSQL database that transactions are asked of; None where its lock is not held."""
        return self.reached.url if self.reached is not None and self.session is not None else None

    def check(self, number: int) -> None:
        """See that the locks are still ours before the attempt of that number. Raises ``Aborted``, or ``Failed``."""
        try:
            self.lock.check()
            if self.session is not None:
                self.session.check()
        except (LockLost, SessionLost) as error:
            raise (Aborted if number == 1 else Failed)(f"stopped before anything was changed: {error}") from None

    def lost(self) -> None:
        """The session is asked once more afterwards, and nothing is begun under it: ``check`` sees to that."""

    def sql(self) -> Sql:
        """How the user has the database carry out a statement."""
        if self.reached is None:
            raise LookupError("no database was reached")
        return sql(self.context, self.reached)

    def rows_afterwards(self, code: int) -> tuple[str, ...] | None:
        """The same after a run that ended with ``code``; None where they cannot be read."""
        return self.rows_within(AFTERWARDS if code else 0.0)

    def rows_within(self, wait: float) -> tuple[str, ...] | None:
        """The same, asked for ``wait`` seconds: our session may be lost, and the server start again."""
        until = time.monotonic() + wait
        while True:
            if self.session is not None:
                with suppress(Unavailable):
                    return self.session.rows() or ()
            if (found := self.state()) is not None or time.monotonic() >= until:
                return found.rows if found else None
            time.sleep(PAUSE)

    def state(self) -> DatabaseState | None:
        """All that the database says of itself, through a connection that only reads; else from inside a container."""
        found = read(self.reached, TIMEOUT) if self.reached is not None else ask(question(self.context))
        return found if isinstance(found, DatabaseState) else None


@contextmanager
def hold(context: GuardContext) -> Iterator[MigrationLock]:
    """MigrationLock the locks for the ``with``.

    Raises ``Locked`` naming who has one, ``ManualActionRequired`` where a killed run goes on, ``Unavailable`` where a
    PostgreSQL database does not answer, MigopsError where a pooler stands before it.
    """
    run = context.run
    folder = state_folder.folder(run.engine, run.target.project)
    release_by = run.target.commands.unlock()
    with run_lock(run.engine, folder, run.target.project, context.command, release_by) as lock, ExitStack() as stack:
        _stop_where_one_goes_on(context)
        for each in journal.interrupted(folder):
            see = shlex.join(run.target.commands.log(each.number))
            context.say(f"an earlier run was cut off: `{each.command}` of {each.began}; see {see}")
        reached = None if run.run_options.no_lock else _reached(context)
        session = None
        if reached is not None and reached.url.dialect == "postgresql":
            session = _session(context, reached, stack)
            session.lock()
            for where in (folder, *lock.unchecked):
                refuse_beside(session, where, sql(context, reached), sure_only=bool(context.at_work))
        if context.at_work:
            raise Locked(
                f"Alembic runs in {context.at_work} already, started by hand or by a run that was killed",
                hint=f"see what it does, and wait until it has ended: docker top {context.at_work}",
            )
        if reached is not None:
            lock.checked()  # asked above; only PostgreSQL can be asked for sessions of runs that have gone
            if session is None and run.run_options.verbose:
                context.say(f"{reached.named.shown}: only PostgreSQL has a lock for this, so the host's alone is held")
        yield MigrationLock(context, folder, lock, reached, session)


def question(context: GuardContext) -> Question:
    """Which database is meant, by what the place has where Alembic will run."""
    run, seen = context.run, context.survey
    said = database_query.Ask(run.run_options.url, TIMEOUT)
    home = host_home(seen)
    return database_query.question(
        run.target, context.where.held, home, seen.home, lambda: run.engine, seen.image_env, said
    )


def sql(context: GuardContext, reached: Reached) -> Sql:
    """How the user has the database carry out a statement."""
    target = context.run.target

    def command(statement: str) -> Command:
        return psql(reached, target.model, target.commands.compose, statement)

    return command


def status(context: GuardContext) -> tuple[str, ...]:
    """The command that shows where the database stands."""
    return context.run.target.commands.migops("status")


def _reached(context: GuardContext) -> Reached | None:
    """How the database is reached; None where it cannot be locked, and the user was told why."""
    asked = question(context)
    sought = find_url(asked)
    if isinstance(sought, Unknown):
        context.say(f"the database is not locked, only this host: {sought.reason}; {sought.hint}")
        return None
    wait = context.run.run_options.wait or 0.0
    until = time.monotonic() + wait
    told = False
    while not isinstance(found := reach(asked, sought), Reached) and time.monotonic() < until:
        if not told:
            _waiting(context, wait, found.reason)
            told = True
        time.sleep(PAUSE)
    if isinstance(found, Reached):
        return found
    if not sought.text.startswith("postgres"):
        if context.run.run_options.verbose:
            context.say(f"the database is not asked, and only this host is locked: {found.reason}")
        return None
    hint = found.hint if isinstance(found, Unknown) else ""
    raise _unreachable(context, found.reason if isinstance(found, (Absent, Unknown)) else "", hint)


def _session(context: GuardContext, reached: Reached, stack: ExitStack) -> Session:
    """Our own session, as soon as the server lets anybody in."""
    said = context.run.run_options.wait
    wait = WAIT if said is None else said
    until = time.monotonic() + wait
    told = False
    while True:
        try:
            return stack.enter_context(open_session(
                reached.url, table=reached.table.name, schema=reached.table.schema, timeout=TIMEOUT,
                label=f"migops {context.command}",
            ))  # fmt: skip
        except Unavailable as error:
            unknown = reached.unknown(error)
            if _SERVERS_WORD.search(error.message) or time.monotonic() >= until:
                raise _unreachable(context, unknown.reason, unknown.hint) from None
        if not told:
            _waiting(context, wait, unknown.reason)
            told = True
        time.sleep(PAUSE)


def _waiting(context: GuardContext, seconds: float, reason: str) -> None:
    context.say(f"waits up to {seconds:g} s for the database: {reason}")


def _unreachable(context: GuardContext, reason: str, hint: str) -> Unavailable:
    without = f"or without its lock, if nobody else migrates it: {context.typed('--no-lock')}"
    return Unavailable(
        f"{context.call.verb} was not run: the database could not be asked and locked: {reason}",
        hint=f"{hint}; {without}" if hint else without,
    )


def _stop_where_one_goes_on(context: GuardContext) -> None:
    if context.running:
        name = context.running[0]
        found = inspect(context.run.engine, name)
        who = owner.of_one_off(((found or {}).get("Config") or {}).get("Labels"))
        if who is not None and who.life is Life.UNKNOWN:
            raise Locked(f"another run has Alembic at work in the container {name}: {who}; {owner.life_of(who)}",
                         hint=f"wait until it has ended: docker attach --no-stdin {name}")  # fmt: skip
        raise ManualActionRequired(
            f"a container of an earlier run that was killed still works: {name}; two at once would get in each "
            "other's way. Wait until it has ended, or end it",
            commands=[("docker", "attach", "--no-stdin", name), ("docker", "rm", "-f", "-v", name)],
        )
