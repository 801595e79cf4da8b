"""Finds work that a database server still does for a migration whose run or container is gone.

A server finishes and commits a statement even if its client was killed. So the server is asked for its sessions before
a migration starts, and after one whose container failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from migops.core import wait
from migops.core.errors import ManualActionRequired, Unavailable
from migops.database.postgres.server_session import ServerSession, recorded
from migops.database.postgres.session import Session
from migops.state import journal
from migops.state.journal import Run

RUNS = 20  # past runs that are searched for migrations with a running statement
LOOK = 3.0  # seconds that a session must stay at the same work to count as possibly a migration's
GRACE = 5.0  # seconds for a server to detect that a client is gone, and to end its session
_BETWEEN = 0.2  # seconds between two looks
_SHOWN = "pid, usename, application_name, client_addr, client_port, backend_start, state, query"
_KILLED = 128  # exit codes from here on: the process was ended by a signal

Command = tuple[str, ...]
Sql = Callable[[str], Command]
"""From a statement to the command with which the user can run it."""


@dataclass(frozen=True, slots=True)
class PastMigration:
    """One migration of an earlier run, and its sessions on the server."""

    run: int  # the run's number
    command: str
    application: str  # the sessions' name from PGAPPNAME, if the driver passes it on
    since: str = ""  # the server's time before any of them connected; '' in journals of 0.1.0
    addresses: tuple[str, ...] = ()  # of the container that migrated
    sessions: tuple[ServerSession, ...] = ()  # those that were seen
    exit: int | None = None  # the container's exit code; None if its end was not seen

    @property
    def may_have_left_work(self) -> bool:
        """True if it may have ended without closing its sessions: it was killed, or its end was not seen."""
        return bool(self.since) and (self.exit is None or self.exit >= _KILLED)

    def is_own(self, session: ServerSession) -> bool:
        """True if a session is certainly this migration's: by name, or by number, start, address and port together."""
        by_name = bool(self.application) and session.application == self.application
        return by_name or any(seen.is_same(session) for seen in self.sessions)

    def is_over(self, session: ServerSession) -> bool:
        """True if one of its sessions has no work left: its container has ended, and the session is idle.

        A pooler keeps sessions after their client.
        """
        return self.exit is not None and session.state == "idle"

    def may_be_own(self, session: ServerSession, database: str) -> bool:
        """True if a session may be this migration's: it started later, from the same address.

        If no session of the migration was ever seen, any address counts, in the same database. Of another role's
        session only its number and role are known, if it started while the migration ran.
        """
        if not self.may_have_left_work:
            return False
        if not session.started:
            return (session.pid, session.user) in {(seen.pid, seen.user) for seen in self.sessions if not seen.started}
        unseen = not any(seen.started for seen in self.sessions) and session.database == database
        return session.started >= self.since and (unseen or session.address in self.addresses)


@dataclass(frozen=True, slots=True)
class AtWork:
    """Sessions that still work for past migrations, each with its migration."""

    own: tuple[tuple[PastMigration, ServerSession], ...] = ()  # certainly the migration's
    possible: tuple[tuple[PastMigration, ServerSession], ...] = ()  # possibly the migration's

    def __bool__(self) -> bool:
        return bool(self.own or self.possible)


def past_migrations(runs: Sequence[Run]) -> list[PastMigration]:
    """The migrations in the journals of the last runs, the oldest first."""
    migrations: dict[str, PastMigration] = {}
    for run in runs[-RUNS:]:
        name = ""
        for step in run.steps:
            if step.get("application"):
                name = str(step["application"])
                migrations[name] = PastMigration(run.number, run.command, name, str(step.get("since") or ""))
            elif name and "exit" in step:
                migrations[name] = replace(migrations[name], exit=int(step["exit"] or 0))
        for line in run.sessions:
            if (one := migrations.get(str(line["of"]))) is not None:
                more = (recorded(line["session"]),) if "session" in line else ()
                addresses = tuple(map(str, line.get("addresses") or one.addresses))
                migrations[one.application] = replace(one, addresses=addresses, sessions=(*one.sessions, *more))
    return list(migrations.values())


def sessions_at_work(session: Session, migrations: Sequence[PastMigration], look: float = LOOK) -> AtWork:
    """Sessions of the server that still work for these migrations (the oldest first), queried through ``session``.

    A possible session counts if it stays at the same work for ``look`` seconds: one whose client is gone cannot start
    anything new. Only the last run's migrations can have possible sessions, because that run started after this check
    had found none for earlier ones. Raises ``Unavailable`` if the server does not answer.
    """
    now = session.sessions()
    own = tuple(
        (migration, one)
        for migration in migrations for one in now if migration.is_own(one) and not migration.is_over(one)
    )  # fmt: skip
    dated = [migration for migration in migrations if migration.since]
    last = [migration for migration in dated if migration.run == dated[-1].run and migration.may_have_left_work]
    began, database = session.server_started(), session.database
    last = [migration for migration in last if migration.since > began]  # a restart of the server ends all work
    known = {one.identity for _, one in own}
    possible = {
        one.identity: (migration, one)
        for migration in last for one in now if one.identity not in known and migration.may_be_own(one, database)
    }  # fmt: skip
    until = time.monotonic() + look
    while possible and time.monotonic() < until:
        time.sleep(_BETWEEN)
        later = {current.identity: current for current in session.sessions()}
        possible = {
            key: (migration, one) for key, (migration, one) in possible.items()
            if key in later and one.is_at_the_same_work(later[key])
        }  # fmt: skip
    return AtWork(own, tuple(possible.values()))


def refuse_to_judge(
    opened: AbstractContextManager[Session], migration: PastMigration, sql: Sql, stands: str, look: Command
) -> None:
    """Raise ``ManualActionRequired`` if the server still works for a migration whose container has ended.

    Such a migration may still commit. ``opened`` is a new session of ours. ``stands`` are the version table's current
    rows, in words; ``look`` is the command that shows them.
    """
    how = f"Alembic has ended with code {migration.exit}; "
    try:
        with opened as session:
            at_work = _after_the_end(session, migration)
    except Unavailable as error:
        raise ManualActionRequired(
            f"{how}whether the database server still works on its statement cannot be asked: {error.message}",
            commands=[look],
        ) from None
    if at_work.own:
        raise ManualActionRequired(
            f"{how}yet the database server still works on its statement, and may commit it after all (the database is "
            f"at: {stands}): {_listed(at_work)}",
            commands=[*ways_to_end(at_work, sql), look],
            hint="wait until it has ended, or end it by the first command; then look where the database is",
        )  # fmt: skip
    if at_work.possible:
        raise unclear(at_work, sql, how)


def _after_the_end(session: Session, migration: PastMigration) -> AtWork:
    """The sessions at work for the migration ``GRACE`` seconds after its container has ended, or earlier if none."""
    return wait.until(
        lambda: sessions_at_work(session, [migration]), lambda at_work: not at_work.own, seconds=GRACE, pause=_BETWEEN
    )


def refuse_beside(session: Session, folder: Path, sql: Sql, *, sure_only: bool = False) -> None:
    """Raise ``ManualActionRequired`` if the server still works, or may work, for a migration of a past run.

    With ``sure_only``, possible sessions do not count.
    """
    at_work = sessions_at_work(session, past_migrations(journal.runs(folder)))
    if at_work.own:
        migration = at_work.own[0][0]
        raise ManualActionRequired(
            "the database server still works on a migration of a run that was killed. The session of run "
            f"{migration.run} (`{migration.command}`) still works on the server, though the run has gone: "
            f"{_listed(at_work)}",
            commands=ways_to_end(at_work, sql),
            hint="wait until it has ended, or end it: the command ends just that session, and no other that has got "
            "its number since; then run this again",
        )  # fmt: skip
    if at_work.possible and not sure_only:
        raise unclear(at_work, sql)


def unclear(at_work: AtWork, sql: Sql, prefix: str = "") -> ManualActionRequired:
    """The error for sessions of unknown origin, which migops never ends itself."""
    migration, one = at_work.possible[0]
    why = "it comes from the address of its container" if one.address in migration.addresses else "it began since then"
    pids = ", ".join(str(session.pid) for _, session in at_work.possible)
    return ManualActionRequired(
        f"{prefix}the database server may still work on the migration of run {migration.run} (`{migration.command}`), "
        f"whose end was not seen: session {pids} may be its own ({why}), or another client's: not all of its number, "
        f"start, address and port are known to be the migration's: {_listed(at_work)}",
        commands=[
            sql(f"SELECT {_SHOWN} FROM pg_stat_activity WHERE pid = {one.pid}")  # noqa: S608
            for _, one in at_work.possible
        ],
        hint="see whose it is; wait until its statement has ended, then run this again",
    )  # fmt: skip


def ways_to_end(at_work: AtWork, sql: Sql) -> list[Command]:
    """The commands that end the sessions that are certainly a migration's, and no other with the same number."""
    return list(dict.fromkeys(sql(ending(migration, one)) for migration, one in at_work.own))


def ending(migration: PastMigration, one: ServerSession) -> str:
    """The statement that ends one session, restricted to its known identity."""
    by = f"backend_start = '{one.started}'" if one.started else f"application_name = '{migration.application}'"
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {one.pid} AND {by}"  # noqa: S608


def _listed(at_work: AtWork) -> str:
    return "; ".join(dict.fromkeys(str(one) for _, one in at_work.own or at_work.possible))
