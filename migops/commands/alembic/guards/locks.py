"""The locks that are held while Alembic changes a database, and the version table as it stands under them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from migops.collect import database_query
from migops.collect.state import host_home
from migops.commands.alembic.guards.context import GuardContext
from migops.core.errors import Locked, ManualActionRequired, Unavailable
from migops.core.model import Absent, Unknown
from migops.core.wait import retry, until
from migops.database.postgres.session import Session
from migops.docker.containers import inspect
from migops.runner.migration_lock import PAUSE, MigrationLock
from migops.runner.past_runs import refuse_at_work_under
from migops.sources.database import Reached, find_url, reach
from migops.sources.database_question import Question
from migops.sources.database_state import DatabaseState
from migops.state import journal, owner, state_folder
from migops.state.engine_lock import run_lock
from migops.state.process import Life

WAIT = 30.0  # seconds that a database which does not answer yet is waited for, where the user did not say
TIMEOUT = 10.0  # seconds for one attempt, and for a statement of our own
_SERVERS_WORD = re.compile(r"password authentication|does not exist|no pg_hba.conf|SSL|not permitted", re.IGNORECASE)
"""The server has answered, and would say the same again."""


def rows(lock: MigrationLock) -> tuple[str, ...] | None:
    """The revisions that the version table names before anything is run; None where that cannot be told.

    Raises ``Unavailable`` where a database that is locked for us does not say: somebody may have locked the table.
    """
    if lock.session is not None:
        return lock.session.rows() or ()
    state = read(lock)
    return state.rows if state else None


def read(lock: MigrationLock) -> DatabaseState | None:
    """All that the database says of itself; None where it does not answer."""
    with suppress(Unavailable):
        return lock.read()
    return None


@contextmanager
def hold(context: GuardContext) -> Iterator[MigrationLock]:
    """Hold the locks for the ``with``.

    Raises ``Locked`` naming who has one, ``ManualActionRequired`` where a killed run goes on, ``Unavailable`` where a
    PostgreSQL database does not answer, MigopsError where a pooler stands before it.
    """
    run = context.run
    folder = state_folder.folder(run.engine, run.target.project)
    release_by = run.target.commands.unlock()
    with run_lock(run.engine, folder, run.target.project, context.command, release_by) as lock, ExitStack() as stack:
        _stop_where_one_goes_on(context)
        for cut_off in journal.interrupted(folder):
            see = shlex.join(run.target.commands.log(cut_off.number))
            context.say(f"an earlier run was cut off: `{cut_off.command}` of {cut_off.began}; see {see}")
        target = run.target
        held = MigrationLock(
            folder, lock, question(context), f"migops {context.command}", TIMEOUT, stack, target.model,
            target.commands.compose,
        )  # fmt: skip
        held.reached = None if run.run_options.no_lock else _reached(context, held.question)
        if held.url is not None:
            _lock_database(context, held)
        if context.at_work:
            raise Locked(
                f"Alembic is already running in {context.at_work}, started by hand or by a run that was killed",
                hint=f"check what it does, and wait until it has ended: docker top {context.at_work}",
            )
        if held.reached is not None:
            lock.checked()  # asked above; only PostgreSQL can be asked for sessions of runs that have gone
            if held.session is None and run.run_options.verbose:
                context.say(
                    f"{held.reached.named.shown}: only PostgreSQL has a lock for this, so the host's alone is held"
                )
        yield held


def question(context: GuardContext) -> Question:
    """Which database is meant, by what the place has where Alembic will run."""
    run, seen = context.run, context.survey
    said = database_query.Ask(run.run_options.url, TIMEOUT)
    home = host_home(seen)
    return database_query.question(
        run.target, context.where.held, home, seen.home, lambda: run.engine, seen.image_env, said
    )


def status(context: GuardContext) -> tuple[str, ...]:
    """The command that shows where the database stands."""
    return context.run.target.commands.migops("status")


def _reached(context: GuardContext, asked: Question) -> Reached | None:
    """How the database is reached; None where it cannot be locked, and the user was told why."""
    sought = find_url(asked)
    if isinstance(sought, Unknown):
        context.say(f"the database is not locked, only this host: {sought.reason}; {sought.hint}")
        return None
    wait = context.run.run_options.wait or 0.0
    way = until(
        lambda: reach(asked, sought), lambda answer: isinstance(answer, Reached), seconds=wait, pause=PAUSE,
        on_wait=lambda answer: None if isinstance(answer, Reached) else _waiting(context, wait, answer.reason),
    )  # fmt: skip
    if isinstance(way, Reached):
        return way
    if not sought.text.startswith("postgres"):
        if context.run.run_options.verbose:
            context.say(f"the database is not locked, only this host: {way.reason}")
        return None
    hint = way.hint if isinstance(way, Unknown) else ""
    raise _unreachable(context, way.reason if isinstance(way, (Absent, Unknown)) else "", hint)


def _lock_database(context: GuardContext, lock: MigrationLock) -> None:
    """Take the database's lock, as soon as the server lets anybody in, where no past run is at work there."""
    session = _session(context, lock)
    session.lock()
    lock.session = session  # only now, as in ``MigrationLock.take``
    refuse_at_work_under(lock, sure_only=bool(context.at_work))


def _session(context: GuardContext, lock: MigrationLock) -> Session:
    """Our own session. Raises ``Unavailable`` where the server refuses it, or does not answer in time."""
    given = context.run.run_options.wait
    wait = WAIT if given is None else given

    def unknown(error: Unavailable) -> Unknown:
        return lock.reached.unknown(error) if lock.reached else Unknown(error.message, error.hint)

    try:
        return retry(
            lock.open_session, Unavailable, seconds=wait, pause=PAUSE,
            is_final=lambda error: _SERVERS_WORD.search(error.message),
            on_wait=lambda error: _waiting(context, wait, unknown(error).reason),
        )  # fmt: skip
    except Unavailable as error:
        refused = unknown(error)
        raise _unreachable(context, refused.reason, refused.hint) from None


def _waiting(context: GuardContext, seconds: float, reason: str) -> None:
    context.say(f"waits up to {seconds:g} s for the database: {reason}")


def _unreachable(context: GuardContext, reason: str, hint: str) -> Unavailable:
    without = f"or without its lock, if nobody else migrates it: {context.typed('--no-lock')}"
    return Unavailable(
        f"{context.call.verb} was not run: the database could not be reached and locked: {reason}",
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
            f"a container of an earlier run that was killed is still running: {name}; two at once would get in each "
            "other's way. Wait until it has ended, or end it",
            commands=[("docker", "attach", "--no-stdin", name), ("docker", "rm", "-f", "-v", name)],
        )
