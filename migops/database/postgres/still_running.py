"""Finds what a database server still does for a migration whose run, or container, is gone.

A server goes on with a statement whose client was killed, and commits it. So before a migration is started, and after
one whose container has failed, the server is asked for its sessions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from migops.core.errors import ManualActionRequired, Unavailable
from migops.database.postgres.server_session import ServerSession, recorded
from migops.database.postgres.session import Session
from migops.state import journal
from migops.state.journal import Run

RUNS = 20  # so many past runs are searched for migrations that may still be at a statement
LOOK = 3.0  # seconds for which a session must stay at the same work before it may be a migration's
GRACE = 5.0  # seconds in which a server notices that a client is gone, and ends its session
_BETWEEN = 0.2  # seconds between two looks
_SHOWN = "pid, usename, application_name, client_addr, client_port, backend_start, state, query"
_KILLED = 128  # exit codes from here on are those of a process that a signal has ended

Command = tuple[str, ...]
Sql = Callable[[str], Command]
"""The command that has the database carry out a statement, as the user can type it."""


@dataclass(frozen=True, slots=True)
class PastMigration:
    """What is known of one migration's sessions on the server.

    ``application`` is the name that PGAPPNAME gave them, where the driver takes it. ``since`` is the server's time
    before any of them was connected ('' in journals of 0.1.0). ``addresses`` are those of the container that migrated,
    ``sessions`` those that were seen. ``exit`` is the container's exit code, None where its end was not seen.
    """

    run: int
    command: str
    application: str
    since: str = ""
    addresses: tuple[str, ...] = ()
    sessions: tuple[ServerSession, ...] = ()
    exit: int | None = None

    @property
    def may_have_left_work(self) -> bool:
        """Whether it may have ended without a word to the server: killed, or never seen to end."""
        return bool(self.since) and (self.exit is None or self.exit >= _KILLED)

    def is_own(self, session: ServerSession) -> bool:
        """Whether a session is surely this migration's: by the name, or by number, start, address and port alike."""
        by_name = bool(self.application) and session.application == self.application
        return by_name or any(each.is_same(session) for each in self.sessions)

    def is_over(self, session: ServerSession) -> bool:
        """Whether a session of its own does nothing for it any more: its process has ended, and the session is idle. A
        pooler keeps sessions after their client."""
        return self.exit is not None and session.state == "idle"

    def may_be_own(self, session: ServerSession, database: str) -> bool:
        """Whether it may be this migration's, for all that is known: it began since then, at the same address; or, of
        a migration of which no session was ever seen, anywhere in the same database. Of another role's session there
        are only its number and its role, where it began while the migration ran."""
        if not self.may_have_left_work:
            return False
        if not session.started:
            return (session.pid, session.user) in {(each.pid, each.user) for each in self.sessions if not each.started}
        unseen = not any(each.started for each in self.sessions) and session.database == database
        return session.started >= self.since and (unseen or session.address in self.addresses)


@dataclass(frozen=True, slots=True)
class AtWork:
    """Sessions that go on for a migration, each with that migration: surely its own, and those that only may be."""

    own: tuple[tuple[PastMigration, ServerSession], ...] = ()
    possible: tuple[tuple[PastMigration, ServerSession], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.own or self.possible)


def past_migrations(runs: Sequence[Run]) -> list[PastMigration]:
    """The migrations of the last runs, the oldest first, as their journals tell of them."""
    found: dict[str, PastMigration] = {}
    for run in runs[-RUNS:]:
        name = ""
        for step in run.steps:
            if step.get("application"):
                name = str(step["application"])
                found[name] = PastMigration(run.number, run.command, name, str(step.get("since") or ""))
            elif name and "exit" in step:
                found[name] = replace(found[name], exit=int(step["exit"] or 0))
        for line in run.sessions:
            if (one := found.get(str(line["of"]))) is not None:
                more = (recorded(line["session"]),) if "session" in line else ()
                addresses = tuple(map(str, line.get("addresses") or one.addresses))
                found[one.application] = replace(one, addresses=addresses, sessions=(*one.sessions, *more))
    return list(found.values())


def sessions_at_work(session: Session, migrations: Sequence[PastMigration], look: float = LOOK) -> AtWork:
    """What the server still does for these migrations (the oldest first), asked through a session of our own.

    A possible session counts if it stays at the same work for ``look`` seconds: one whose client is gone can begin
    nothing new. Only the last run's migrations can have possible sessions: that run was started after this check had
    found none for those before. Raises ``Unavailable`` where the server does not answer.
    """
    now = session.sessions()
    own = tuple((each, one) for each in migrations for one in now if each.is_own(one) and not each.is_over(one))
    dated = [each for each in migrations if each.since]
    last = [each for each in dated if each.run == dated[-1].run and each.may_have_left_work]
    began, database = session.server_started(), session.database
    last = [each for each in last if each.since > began]  # what a server did before it was restarted has ended
    known = {one.identity for _, one in own}
    possible = {
        one.identity: (each, one)
        for each in last for one in now if one.identity not in known and each.may_be_own(one, database)
    }  # fmt: skip
    until = time.monotonic() + look
    while possible and time.monotonic() < until:
        time.sleep(_BETWEEN)
        later = {each.identity: each for each in session.sessions()}
        possible = {
            key: (each, one) for key, (each, one) in possible.items()
            if key in later and one.is_at_the_same_work(later[key])
        }  # fmt: skip
    return AtWork(own, tuple(possible.values()))


def refuse_to_judge(
    opened: AbstractContextManager[Session], migration: PastMigration, sql: Sql, stands: str, look: Command
) -> None:
    """Raise ``ManualActionRequired`` where the server still works for a migration whose container has ended: it may
    commit yet.

    ``opened`` gives a session of our own. ``stands`` are the version table's rows as they are now, in words; ``look``
    is the command that shows them.
    """
    how = f"Alembic has ended with code {migration.exit}; "
    try:
        with opened as session:
            found = _after_the_end(session, migration)
    except Unavailable as error:
        raise ManualActionRequired(
            f"{how}whether the database server still works on its statement cannot be asked: {error.message}",
            commands=[look],
        ) from None
    if found.own:
        raise ManualActionRequired(
            f"{how}yet the database server still works on its statement, and may commit it after all (the database is "
            f"at: {stands}): {_listed(found)}",
            commands=[*ways_to_end(found, sql), look],
            hint="wait until it has ended, or end it by the first command; then look where the database is",
        )  # fmt: skip
    if found.possible:
        raise unclear(found, sql, how)


def _after_the_end(session: Session, migration: PastMigration) -> AtWork:
    """What is at work for it, some seconds after its container has ended."""
    until = time.monotonic() + GRACE
    while (found := sessions_at_work(session, [migration])).own and time.monotonic() < until:
        time.sleep(_BETWEEN)
    return found


def refuse_beside(session: Session, folder: Path, sql: Sql, *, sure_only: bool = False) -> None:
    """Raise ``ManualActionRequired`` where the server is still busy with a migration of a past run, or (not with
    ``sure_only``) may be."""
    found = sessions_at_work(session, past_migrations(journal.runs(folder)))
    if found.own:
        each = found.own[0][0]
        raise ManualActionRequired(
            "the database server still works on a migration of a run that was killed. The session of run "
            f"{each.run} (`{each.command}`) still works on the server, though the run has gone: "
            f"{_listed(found)}",
            commands=ways_to_end(found, sql),
            hint="wait until it has ended, or end it: the command ends just that session, and no other that has got "
            "its number since; then run this again",
        )  # fmt: skip
    if found.possible and not sure_only:
        raise unclear(found, sql)


def unclear(found: AtWork, sql: Sql, said: str = "") -> ManualActionRequired:
    """Where it is not known whose sessions these are: nothing is done, and they are never ended by us."""
    each, one = found.possible[0]
    why = "it comes from the address of its container" if one.address in each.addresses else "it began since then"
    pids = ", ".join(str(session.pid) for _, session in found.possible)
    return ManualActionRequired(
        f"{said}the database server may still work on the migration of run {each.run} (`{each.command}`), whose end "
        f"was not seen: session {pids} may be its own ({why}), or another client's: not all of its number, start, "
        f"address and port are known to be the migration's: {_listed(found)}",
        commands=[sql(f"SELECT {_SHOWN} FROM pg_stat_activity WHERE pid = {one.pid}") for _, one in found.possible],  # noqa: S608
        hint="see whose it is; wait until its statement has ended, then run this again",
    )  # fmt: skip


def ways_to_end(found: AtWork, sql: Sql) -> list[Command]:
    """The commands that end the sessions that are surely a migration's, and no other that has got their number."""
    return list(dict.fromkeys(sql(ending(each, one)) for each, one in found.own))


def ending(migration: PastMigration, one: ServerSession) -> str:
    """The statement that ends one session, held to what it is known by."""
    by = f"backend_start = '{one.started}'" if one.started else f"application_name = '{migration.application}'"
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {one.pid} AND {by}"  # noqa: S608


def _listed(found: AtWork) -> str:
    return "; ".join(dict.fromkeys(str(one) for _, one in found.own or found.possible))
