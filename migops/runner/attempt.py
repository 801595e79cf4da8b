"""One attempt of a migration: noted before it begins, traced, watched, and followed by the rows that it has left."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic

from migops.core.errors import ManualActionRequired, Unavailable
from migops.core.text import listed
from migops.database.postgres.server_session import as_text
from migops.database.postgres.session import open_session
from migops.database.postgres.still_running import refuse_to_judge
from migops.database.postgres.watch import Watched, watch
from migops.docker import Engine
from migops.docker.containers import addresses
from migops.docker.sockets import client_ports
from migops.runner.commits import repeating, tracing
from migops.runner.commits.outcome import Outcome, State
from migops.runner.commits.tracing import Trace
from migops.runner.environment import environment, server_lock_timeout
from migops.runner.expected_run import ExpectedRun
from migops.runner.migration_lock import RETURN, MigrationLock
from migops.runner.process import AlembicProcess, E_co
from migops.runner.running import NotStarted
from migops.state.journal import Journal


@dataclass(frozen=True, slots=True)
class MigrationRequest:
    """What Alembic is to do, and by what its end is judged.

    ``command`` is the command of migops, as journals name it; ``status`` the one that shows where the database is.
    ``image`` is the ID of the image that runs.
    """

    project: str
    command: str
    verb: str
    image: str
    expected: ExpectedRun
    status: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MigrationPolicy:
    """How a migration is run. Times are in seconds.

    ``lock_timeout`` is how long it may wait for a lock (0: for ever), ``timeout`` is for a statement of our own.
    ``led_elsewhere``: the user has given migops a URL of its own. ``is_noted``: the engine tells other state folders'
    runs of it; what only reads leaves nothing there. ``attempts``: how often it is begun at most.
    """

    lock_timeout: float
    timeout: float
    led_elsewhere: bool = False
    is_noted: bool = True
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Handles:
    """What a run holds and writes to. ``is_stopped`` tells whether a signal has come."""

    engine: Engine
    log: Journal
    lock: MigrationLock
    say: Callable[[str], None]
    is_stopped: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Attempt(Generic[E_co]):
    """One attempt that has ended: the rows that it left, and what has become of its transactions."""

    end: E_co
    watched: Watched
    rows: tuple[str, ...] | None
    trace: Trace
    commits: Outcome | None


def attempt(
    request: MigrationRequest, policy: MigrationPolicy, handles: Handles, process: AlembicProcess[E_co], number: int
) -> Attempt[E_co]:  # fmt: skip
    """Run Alembic once, under the locks.

    Raises what the lock or the process does where it could not be started, and ``ManualActionRequired`` where it, or
    the server, may still be at work.
    """
    handles.lock.check()
    process.prepare()
    trace, application, since = _begin(request, policy, handles, process, number)
    watched = Watched()
    try:
        with _watching(policy, handles, process, application, since) as watched:
            end = process.run(watched)
    except NotStarted as error:
        handles.log.noted(process.step, "failed", **error.facts)
        trace.settle_on_engine()
        trace.drop()
        raise
    except Unavailable as error:  # it may go on: what it records is left to the next run
        raise process.out_of_sight(error, watched) from error
    if watched.lost:
        handles.lock.lost()
    rows = _rows(
        request, handles.lock, process, end.exit_code
    )  # first: whatever fails now, it is known where the database is
    status, facts = process.end_note(rows, watched)
    process.collect(trace)
    if lacks := handles.log.noted(process.step, status, **facts):
        handles.say(lacks)
    process.remove()
    trace.drop()
    if end.exit_code and rows is not None:  # else nothing is claimed of the database anyway
        _stop_where_the_server_goes_on(request, policy, handles, process, trace, watched, rows, end.exit_code)
    commits = _commits(request, trace, watched, rows) if end.exit_code else _lost(request, trace, watched, rows)
    return Attempt(end, watched, rows, trace, commits)


def _rows(
    request: MigrationRequest, lock: MigrationLock, process: AlembicProcess[E_co], code: int
) -> tuple[str, ...] | None:  # fmt: skip
    """The rows now. A database that did not answer before is not waited for."""
    unknown = request.expected.before is None or (lock.reached is None and not code)
    try:
        return lock.rows(0.0 if unknown else RETURN)
    except Unavailable as error:
        process.rows_unread(error, code)
        return None


def _begin(
    request: MigrationRequest, policy: MigrationPolicy, handles: Handles, process: AlembicProcess[E_co], number: int
) -> tuple[Trace, str, Any]:  # fmt: skip
    """Put the trace in place and note the attempt, on the engine and in the journal; take both away where that fails.

    Returns the trace, the name of Alembic's sessions, and the server's time before there is any.
    """
    lock, expected = handles.lock, request.expected
    session, application = lock.session, ""
    if session is not None:
        application = f"migops-{secrets.token_hex(6)}"
    trace = tracing.begin(handles.engine, lock.url, policy.timeout, entrypoint=process.is_entrypoint_kept)
    process.carry(trace)
    if policy.is_noted and (lacks := _note_on_engine(request, trace, process.container, handles)):
        handles.say(lacks)
    try:
        seconds = server_lock_timeout(policy.lock_timeout, expected, led_elsewhere=policy.led_elsewhere)
        process.ready(environment(application, seconds if session else 0.0, trace.environment, process.variable), trace)
        since = session.now() if session else None
        shared = {
            "application": application, "since": as_text(since), "rows": request.expected.before,
            "revisions": list(expected.steps), "image": request.image, **trace.noted(),
        }  # fmt: skip
        handles.log.note(process.step, "started", **process.begin_facts(number, shared))
    except BaseException:  # nothing has begun, so nobody is to be told that something might stay
        trace.drop()
        trace.settle_on_engine()
        raise
    return trace, application, since


def _note_on_engine(request: MigrationRequest, trace: Trace, container: str, handles: Handles) -> str:
    """Have the engine know of it before it begins; a sentence where that does not go."""
    return trace.note_on_engine(
        request.project, run=handles.log.run, folder=str(handles.lock.folder), verb=request.verb,
        revisions=list(request.expected.steps), rows=request.expected.before, container=container, image=request.image,
    )  # fmt: skip


def _watching(
    policy: MigrationPolicy, handles: Handles, process: AlembicProcess[E_co], application: str, since: Any
) -> AbstractContextManager[Watched]:  # fmt: skip
    """The watch, from before Alembic is started: its first statement may be the one that goes on."""
    session, engine, container = handles.lock.session, handles.engine, process.container
    if session is None:
        return nullcontext(Watched())
    return watch(
        session, application=application, addresses=lambda: addresses(engine, container), since=since,
        alone=process.is_alone, ports=lambda: client_ports(engine, container, application),
        note=partial(handles.log.note_session, application), lock_timeout=policy.lock_timeout, say=handles.say,
        lost=process.lock_lost,
    )  # fmt: skip


def _stop_where_the_server_goes_on(
    request: MigrationRequest, policy: MigrationPolicy, handles: Handles, process: AlembicProcess[E_co], trace: Trace,
    watched: Watched, rows: tuple[str, ...], code: int,
) -> None:  # fmt: skip
    """Raise ``ManualActionRequired`` where the server works on its statement though Alembic has ended: it may commit it
    yet, so that the next run must not repeat it unasked."""
    url, migration = handles.lock.url, watched.migration(handles.log.run, request.command, code)
    if migration is None or url is None:
        return
    opened = open_session(url, timeout=policy.timeout)
    try:
        refuse_to_judge(opened, migration, handles.lock.sql(), listed(rows) or "no revision", request.status)
    except ManualActionRequired:
        unknown = Outcome(State.UNKNOWN, tracing.STILL_AT_WORK)
        note_commits(request, handles, process, trace, unknown)
        raise


def _commits(
    request: MigrationRequest, trace: Trace, watched: Watched, rows: tuple[str, ...] | None
) -> Outcome | None:  # fmt: skip
    """What it has committed beside the version table's rows; None where no PostgreSQL can be asked."""
    if trace.url is None:
        return None
    moved = rows is not None and rows != request.expected.before
    return trace.outcome(moved=moved, backends=watched.backends)


def _lost(
    request: MigrationRequest, trace: Trace, watched: Watched, rows: tuple[str, ...] | None
) -> Outcome | None:  # fmt: skip
    """Of a run that ended well: that the server rolled all of it back; None if it did not."""
    expected = request.expected
    if rows is None or rows != expected.before or expected.after in (None, expected.before):
        return None
    commits = _commits(request, trace, watched, rows)
    return commits if commits is not None and commits.is_nothing and commits.rolled_back else None


def note_commits(
    request: MigrationRequest, handles: Handles, process: AlembicProcess[E_co], trace: Trace, commits: Outcome
) -> None:  # fmt: skip
    """Note what has stayed, in the journal and on the engine, for the next run to stop at."""
    if lacks := repeating.noted(handles.log, commits, request.verb, process.failed_at(), trace):
        handles.say(lacks)
