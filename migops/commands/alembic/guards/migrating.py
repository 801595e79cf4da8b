"""Runs the verbs that change the database: journalled, watched, tried again after a lock wait, and judged by the rows.

What the version table says afterwards decides; nothing is assumed from an exit code.
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from migops.commands.alembic.call import Result
from migops.commands.alembic.guards.context import listed
from migops.commands.alembic.guards.environment import environment, set_there
from migops.commands.alembic.guards.locks import TIMEOUT, Hold, sql
from migops.commands.alembic.guards.outcome import Course, Judge, status, waited
from migops.commands.alembic.guards.repeat import stop_before_a_repeat
from migops.core.errors import Aborted, Failed, ManualActionRequired, Unavailable
from migops.core.wait import until
from migops.database.postgres.server_session import as_text
from migops.database.postgres.session import SessionLost, open_session
from migops.database.postgres.still_running import refuse_to_judge
from migops.database.postgres.watch import Watched, watch
from migops.docker.containers import addresses
from migops.docker.sockets import client_ports
from migops.runner.arguments import redacted
from migops.runner.commits import repeating, tracing
from migops.runner.commits.judging import Outcome, State
from migops.runner.commits.tracing import Trace
from migops.runner.running import NotStarted, new_name
from migops.state import journal
from migops.state.engine_lock import LockLost
from migops.state.signals import held_back
from migops.target.alembic_program import program

ATTEMPTS = 3
APART = (1.0, 3.0)  # seconds between two attempts, by chance in between
AFTERWARDS = 15.0  # seconds for a server that restarts to say where it stands
PATIENT = re.compile(rb"concurrently", re.IGNORECASE)
"""In a script: it waits for old transactions, see ``environment``."""


@dataclass(slots=True)
class Migration:
    """One verb that changes the database, under its locks."""

    hold: Hold
    course: Course
    seen: Watched = field(default_factory=Watched)

    def run(self) -> Result:
        """Run it and judge how it went. Raises ``Failed`` or ``ManualActionRequired`` where Alembic's own code would
        mislead."""
        context = self.hold.context
        arguments = redacted(context.run.arguments)
        past = stop_before_a_repeat(self.hold, self.course)
        with journal.begin(self.hold.folder, context.command, arguments) as log, held_back() as came:
            past.settle(log, context.run.engine, context.run.target.project, context.run.run_options.repeat)
            number, blockers = 1, self.seen.blockers
            while True:
                result = self._once(log, number, came)
                blockers = self.seen.blockers or blockers
                after = self.hold.rows_afterwards(AFTERWARDS if result.child else 0.0)
                commits = self._committed(after) if result.child else None
                done = "done" if result.code == 0 else "failed"
                waits = [str(each) for each in self.seen.waits]
                if lacks := log.noted("alembic", done, exit=result.child, rows=after, waited_for=waits):
                    context.say(lacks)
                if result.child and after is not None:  # else nothing is claimed of the database anyway
                    self._stop_where_the_server_goes_on(log, result, after)
                if came or number == ATTEMPTS or not self._may_try_again(result, after, commits):
                    break
                self._settle_on_engine()
                number += 1
                pause = random.uniform(*APART)  # noqa: S311 - no secret
                context.say(f"nothing was applied; attempt {number} of {ATTEMPTS} in {pause:.0f} s")
                if until(lambda: came, bool, seconds=pause, pause=0.1):
                    break
            if came and result.child:  # what came after it had ended well changes nothing any more
                result = replace(result, code=128 + came[0], stopped=True)
            if commits and (lacks := self._note(log, commits)):
                context.say(lacks)
            if result.child == 0:
                self._settle_on_engine()
            result = Judge(
                context, self.course, self.seen, number, commits, is_postgresql=self.hold.session is not None,
                blockers=blockers,
            ).judged(result, after)  # fmt: skip
            log.end(_outcome(result), result.code)
        return result

    def _once(self, log: journal.Journal, number: int, came: Sequence[int]) -> Result:
        """One attempt, under the watch. Signals that ``came`` before it could be stopped by them stop it at once."""
        run, where = self.hold.context.run, self.hold.context.where
        context, session = self.hold.context, self.hold.session
        application = f"migops-{secrets.token_hex(6)}" if session else ""
        since = None
        try:
            self.hold.lock.check()
            if session is not None:
                limited = not self.course.scripts_with(PATIENT)
                run.environment.update(environment(self.hold, application, limited=limited))
                session.check()
                since = session.now()
        except (LockLost, SessionLost) as error:
            raise (Aborted if number == 1 else Failed)(f"stopped before anything was changed: {error}") from None
        run.container = where.container.id if where.container else new_name()
        run.trace = self._traced()
        if lacks := self._note_on_engine(log, run.trace):
            context.say(lacks)
        try:
            self._note_that_it_begins(log, run.trace, number, application, since)
        except Exception:  # nothing has begun, so nobody is to be told that something might stay
            run.trace.drop()
            self._settle_on_engine()
            raise
        run.output.clear()
        watching: AbstractContextManager[Watched]
        if session is None:
            watching = nullcontext(Watched())
        else:
            watching = watch(
                session, application=application, addresses=self._addresses, since=since,
                alone=where.container is None, ports=lambda: client_ports(run.engine, run.container, application),
                note=partial(log.note_session, application), lock_timeout=run.run_options.lock_timeout, say=run.say,
                lost=run.lose,
            )  # fmt: skip
        for signal in came:
            run.events.put(signal)
        try:
            with watching as self.seen:
                return run.attempt(where, run.container)
        except NotStarted:
            log.noted("alembic", "failed")
            self._settle_on_engine()
            raise
        except Unavailable as error:
            run.trace.carried = None  # it may go on: what it records is left to the next run
            raise self._out_of_sight(error) from None
        finally:
            run.trace.drop()

    def _note_that_it_begins(
        self, log: journal.Journal, trace: Trace, number: int, application: str, since: Any
    ) -> None:  # fmt: skip
        """Note in the journal all by which the next run can judge this one, should it be killed."""
        run, where = self.hold.context.run, self.hold.context.where
        log.note(
            "alembic", "started", attempt=number, container=run.container, image=where.image.id, where=where.sentence(),
            application=application, since=as_text(since), rows=self.course.before, revisions=list(self.course.steps),
            database=self.hold.reached.named.shown if self.hold.reached else None, **trace.noted(),
        )  # fmt: skip

    def _note_on_engine(self, log: journal.Journal, trace: Trace) -> str:
        """Have the engine know of it before it begins; a sentence where that does not go."""
        run, where = self.hold.context.run, self.hold.context.where
        return trace.note_on_engine(
            run.target.project, run=log.run, folder=str(self.hold.folder), verb=self.hold.context.call.verb,
            revisions=list(self.course.steps), rows=self.course.before, container=run.container, image=where.image.id,
        )  # fmt: skip

    def _settle_on_engine(self) -> None:
        if self.hold.context.run.trace is not None:
            self.hold.context.run.trace.settle_on_engine()

    def _note(self, log: journal.Journal, commits: Outcome) -> str:
        """Note what stays, in the journal and on the engine; a sentence where that does not go."""
        context = self.hold.context
        return repeating.noted(log, commits, context.call.verb, self.course.steps, context.run.trace)

    def _traced(self) -> Trace:
        """A trace, carried to where Alembic will find it."""
        run, where = self.hold.context.run, self.hold.context.where
        url = self.hold.reached.url if self.hold.reached and self.hold.session else None
        keeps = where.container is None and program(run.target).keeps_entrypoint
        found = tracing.begin(run.engine, url, TIMEOUT, entrypoint=keeps)
        if where.container is not None:
            tracing.into_memory(found, where.container.id)
        else:
            tracing.into_a_volume(found, run.target.project, where.image.id)
        if found.carried is not None:
            run.environment.update(found.environment(set_there(self.hold, "PYTHONPATH")))
        return found

    def _committed(self, after: tuple[str, ...] | None) -> Outcome | None:
        """What the attempt has committed beside the version table's rows; None where no PostgreSQL can be asked."""
        trace = self.hold.context.run.trace
        if trace is None or trace.url is None:
            return None
        return trace.outcome(moved=after is not None and after != self.course.before, backends=self.seen.backends)

    def _stop_where_the_server_goes_on(self, log: journal.Journal, result: Result, after: tuple[str, ...]) -> None:
        """Raise ``ManualActionRequired`` where the server works on its statement though Alembic has ended: it may
        commit it yet."""
        context, reached = self.hold.context, self.hold.reached
        migration = self.seen.migration(log.run, context.command, result.child)
        if migration is not None and reached is not None:
            opened = open_session(reached.url, timeout=TIMEOUT)
            try:
                refuse_to_judge(opened, migration, sql(context, reached), listed(after), status(context))
            except ManualActionRequired:  # it may commit yet, so that the next run must not repeat it unasked
                unknown = Outcome(State.UNKNOWN, tracing.STILL_AT_WORK)
                if lacks := self._note(log, unknown):
                    context.say(lacks)
                raise

    def _out_of_sight(self, error: Unavailable) -> ManualActionRequired:
        """The engine does not show any more what it does: it may go on, and nobody sees it."""
        after = self.hold.rows_afterwards(AFTERWARDS)
        stands = "not known" if after is None else listed(after)
        pids: list[int] = []
        with suppress(Unavailable):
            now = self.hold.session.sessions() if self.hold.session else []
            own = self.seen.migration(0, "", None)
            pids = [each.pid for each in now if own is not None and own.is_own(each)]
        server = f", and on the database server as pid {', '.join(map(str, pids))}" if pids else ""
        container = self.hold.context.run.container
        short = container[:12] if len(container) == 64 else container  # an ID, else a name
        return ManualActionRequired(
            f"Alembic was started, and how it goes on cannot be seen any more: {error.message}. It may still run in "
            f"{short}{server}; the database is at: {stands}",
            commands=[("docker", "top", short), status(self.hold.context)],
            hint="see that it has ended before anything else is done, and where it has left the database:",
        )  # fmt: skip

    def _addresses(self) -> Collection[str]:
        """The addresses of the container in which Alembic runs."""
        return addresses(self.hold.context.run.engine, self.hold.context.run.container)

    def _may_try_again(self, result: Result, after: tuple[str, ...] | None, commits: Outcome | None) -> bool:
        """Only where it gave up waiting for a lock, and nothing whatever can have stayed."""
        nothing = commits.may_be_repeated if commits else not self.course.commits_on_its_own()
        same = after is not None and after == self.course.before and nothing
        return same and waited(result, self.seen) and not result.stopped and not self.seen.lost


def _outcome(result: Result) -> str:
    return "interrupted" if result.stopped else "done" if result.code == 0 else "failed"
