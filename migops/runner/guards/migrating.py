"""Runs the verbs that change the database: journalled, watched, tried again after a lock wait, and judged by the rows.

What the version table says afterwards decides; nothing is assumed from an exit code.
"""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace

from migops.engine.containers import inspect
from migops.errors import Aborted, Failed, NoVerdict, Operator
from migops.runner.foresee import ran, tops
from migops.runner.guards.environment import environment
from migops.runner.guards.holding import Hold
from migops.runner.guards.scene import History, listed
from migops.runner.run import Result
from migops.runner.running import NotStarted, new_name
from migops.runner.verbs import redacted
from migops.safety import journal
from migops.safety.session import SessionLost
from migops.safety.signals import held_back
from migops.safety.watch import Watched, watch

ATTEMPTS = 3
APART = (1.0, 3.0)  # seconds between two attempts, by chance in between
AFTERWARDS = 15.0  # seconds for a server that restarts to say where it stands
_LOCK_TIMEOUT = re.compile(r"canceling statement due to lock timeout|LockNotAvailable")
_OF_ITS_OWN = re.compile(rb"autocommit_block|isolation_level\W+AUTOCOMMIT|\.commit\(\)")
_PATIENT = re.compile(rb"concurrently", re.IGNORECASE)


@dataclass(slots=True)
class Migration:
    """One verb that changes the database, under its locks.

    ``before`` are the rows that it found (None: not known), ``expected`` those that it should leave (None: cannot be
    told), ``steps`` the migrations that it should run.
    """

    hold: Hold
    before: tuple[str, ...] | None
    expected: tuple[str, ...] | None = None
    steps: tuple[str, ...] = ()
    history: History | None = None
    seen: Watched = field(default_factory=Watched)

    def run(self) -> Result:
        """Run it and judge how it went. Raises ``Failed`` or ``Operator`` where Alembic's own code would mislead."""
        scene = self.hold.scene
        arguments = redacted(scene.run.arguments)
        with journal.begin(self.hold.folder, scene.command, arguments) as log, held_back() as came:
            number = 1
            while True:
                result = self._once(log, number, came)
                after = self.hold.rows_afterwards(AFTERWARDS if result.child else 0.0)
                done = "done" if result.code == 0 else "failed"
                log.note("alembic", done, exit=result.child, rows=after, waited_for=[str(w) for w in self.seen.waits])
                if came or number == ATTEMPTS or not self._may_try_again(result, after):
                    break
                number += 1
                pause = random.uniform(*APART)  # noqa: S311 - no secret
                scene.say(f"nothing was applied; attempt {number} of {ATTEMPTS} in {pause:.0f} s")
                until = time.monotonic() + pause
                while not came and time.monotonic() < until:
                    time.sleep(0.1)
                if came:
                    break
            if came and result.child:  # what came after it had ended well changes nothing any more
                result = replace(result, code=128 + came[0], stopped=True)
            result = self._judged(result, after, number)
            log.end(_outcome(result), result.code)
        return result

    def _once(self, log: journal.Journal, number: int, came: Sequence[int]) -> Result:
        """One attempt, under the watch. Signals that ``came`` before it could be stopped by them stop it at once."""
        run, where = self.hold.scene.run, self.hold.scene.where
        session = self.hold.session
        application = f"migops-{secrets.token_hex(6)}" if session else ""
        if session is not None:
            run.environment.update(environment(self.hold, application, limited=not self._scripts_with(_PATIENT)))
            try:
                session.check()
                since = session.now()
            except SessionLost as error:
                raise (Aborted if number == 1 else Failed)(f"stopped before anything was changed: {error}") from None
        run.container = where.container.id if where.container else new_name()
        log.note(
            "alembic", "started", attempt=number, container=run.container, image=where.image.id, where=where.sentence(),
            application=application, rows=self.before, revisions=list(self.steps),
            database=self.hold.reached.named.shown if self.hold.reached else None,
        )  # fmt: skip
        run.output.clear()
        watching: AbstractContextManager[Watched]
        if session is None:
            watching = nullcontext(Watched())
        else:
            watching = watch(
                session, application=application, addresses=self._addresses, since=since,
                alone=where.container is None, lock_timeout=run.wishes.lock_timeout, say=run.say, lost=run.lose,
            )  # fmt: skip
        for signal in came:
            run.events.put(signal)
        try:
            with watching as self.seen:
                return run.attempt(where, run.container)
        except NotStarted:
            raise
        except NoVerdict as error:
            raise self._out_of_sight(error, application) from None

    def _out_of_sight(self, error: NoVerdict, application: str) -> Operator:
        """The engine does not show any more what it does: it may go on, and nobody sees it."""
        after = self.hold.rows_afterwards(AFTERWARDS)
        stands = "not known" if after is None else listed(after)
        pids: list[int] = []
        with suppress(NoVerdict):
            pids = self.hold.session.named(application) if self.hold.session else []
        server = f", and on the database server as pid {', '.join(map(str, pids))}" if pids else ""
        container = self.hold.scene.run.container
        short = container[:12] if len(container) == 64 else container  # an ID, else a name
        return Operator(
            f"Alembic was started, and how it goes on cannot be seen any more: {error.message}. It may still run in "
            f"{short}{server}; the database is at: {stands}",
            commands=[("docker", "top", short), self._status()],
            hint="see that it has ended before anything else is done, and where it has left the database:",
        )  # fmt: skip

    def _addresses(self) -> Collection[str]:
        """The addresses of the container in which Alembic runs."""
        found = inspect(self.hold.scene.run.engine, self.hold.scene.run.container) or {}
        networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
        return [each["IPAddress"] for each in networks.values() if each and each.get("IPAddress")]

    def _may_try_again(self, result: Result, after: tuple[str, ...] | None) -> bool:
        waited = self._waited(result) and not result.stopped and not self.seen.lost
        return waited and after is not None and after == self.before and not self._commits_on_its_own()

    def _waited(self, result: Result) -> bool:
        """Whether it failed because it waited too long for a lock."""
        return bool(result.child) and (self.seen.was_cancelled or bool(_LOCK_TIMEOUT.search(result.output)))

    def _commits_on_its_own(self) -> tuple[str, ...]:
        """Those of the pending migrations of which a part may stay though the rows do not tell."""
        return self._scripts_with(_OF_ITS_OWN)

    def _scripts_with(self, pattern: re.Pattern[bytes]) -> tuple[str, ...]:
        """Those of the pending migrations whose script has a text in it."""
        if self.history is None:
            return ()
        paths = {file.path: file.content for file in self.history.held.scripts.values()}
        graph = self.history.graph.by_id
        return tuple(each for each in self.steps if each in graph and pattern.search(paths.get(graph[each].path, b"")))

    def _judged(self, result: Result, after: tuple[str, ...] | None, attempts: int) -> Result:
        """Our exit code, by what the version table says."""
        if result.stopped:
            self._say_if_moved(after)
            return result
        if after is None and self.before is not None:
            raise Operator(
                f"Alembic ended with code {result.child}, and where the database stands now cannot be asked",
                commands=[self._status()], hint="look before anything else is done:",
            )  # fmt: skip
        if self.seen.lost and result.child:
            self._lost(after)
        if self.before is None or after is None:
            return result
        if result.child == 0:
            return self._as_expected(result, after)
        if after == self.before:
            if self._waited(result):
                self._in_the_way(after, attempts)
            return result
        return self._moved(result, after)

    def _as_expected(self, result: Result, after: tuple[str, ...]) -> Result:
        if self.seen.lost:
            self.hold.scene.say(f"{self.seen.lost}; it had come to its end all the same, at {listed(after)}")
        if self.expected is not None and after == self.before != self.expected:
            self.hold.scene.say(
                f"the version table that was looked at still stands at {listed(after)}: Alembic has changed another "
                "one (env.py chooses it, by -x or -n, or for each schema), of which migops knows nothing"
            )
        elif self.expected is not None and after != self.expected:
            raise Operator(
                f"the database stands at {listed(after)}, and this {self.hold.scene.call.verb} should have left it at "
                f"{listed(self.expected)}: someone else has changed it meanwhile",
                commands=[self._status()], hint="see what it has now, and who else migrates it:",
            )  # fmt: skip
        if self.expected is None and after != self.before:
            self.hold.scene.say(f"the database stood at {listed(self.before or ())}, and stands at {listed(after)} now")
        return result

    def _lost(self, after: tuple[str, ...] | None) -> None:
        lost = f"{self.seen.lost}; Alembic was stopped, because another run could have begun"
        if after is not None and after == self.before:
            raise Failed(f"{lost}. The database is as it was, at {listed(after)}", hint="run it again")
        raise Operator(
            f"{lost}. The database stood at {listed(self.before or ())} and now at {listed(after or ())}",
            commands=[self._status()],
        )

    def _in_the_way(self, after: tuple[str, ...], attempts: int) -> None:
        """It gave up waiting. Raises: ``Failed`` where that is all, ``Operator`` where something may have stayed."""
        lines = "".join(f"\n  in the way: {blocker}" for blocker in self.seen.blockers)
        tries = f"{attempts} times " if attempts > 1 else ""
        seconds = self.hold.scene.run.wishes.lock_timeout
        waited = f"the migration waited {tries}{seconds:g} s for a lock that another session holds"
        pid = self.seen.blockers[0].pid if self.seen.blockers else 0
        end = f", or end that session (SELECT pg_terminate_backend({pid}))" if pid else ""
        if own := self._commits_on_its_own():
            raise Operator(
                f"{waited}. The version table is as it was, at {listed(after)}, but {listed(own)} commits on its own: "
                f"what it did before it waited has stayed{lines}",
                commands=[self._status()], hint=f"see what it has done, and undo that by hand; wait{end}; run it again",
            )  # fmt: skip
        raise Failed(
            f"{waited}, and gave up. Nothing was applied: the database is as it was, at {listed(after)}{lines}",
            hint=f"wait{end}, then run it again; --lock-timeout SECONDS waits longer, and the application with it",
        )

    def _moved(self, result: Result, after: tuple[str, ...]) -> Result:
        """It failed, and the rows are other ones than before: by its own first steps, or by someone else."""
        scene = self.hold.scene
        if done := self._own_steps(result, after):
            scene.say(f"it failed at {self.steps[done]}; the {done} before it stay: the database stands at "
                      f"{listed(after)}, before it at {listed(self.before or ())}")  # fmt: skip
            return result
        raise Operator(
            f"Alembic ended with code {result.child}, and the database went from {listed(self.before or ())} to "
            f"{listed(after)}: someone else has migrated it meanwhile, or a part of this run has stayed",
            commands=[self._status()], hint="see what it has now, and who else migrates it:",
        )  # fmt: skip

    def _own_steps(self, result: Result, after: tuple[str, ...]) -> int:
        """How many of the migrations it has surely done itself before one failed, where the rows are of just these."""
        if self.history is None or self.hold.scene.call.verb != "upgrade":
            return 0
        graph = self.history.graph
        begun = [to for _, to in ran(result.output)]
        env_py = next((f.content for f in self.history.held.environment.values() if f.name.endswith("env.py")), b"")
        for number in range(1, len(self.steps)):
            own = self.steps[:number]
            if tops(graph, graph.ancestors(self.before or ()) | set(own)) == after:
                logged = begun[: number + 1] == list(self.steps[: number + 1])
                return number if logged or b"transaction_per_migration" in env_py else 0
        return 0

    def _say_if_moved(self, after: tuple[str, ...] | None) -> None:
        if after is None and self.before is not None:
            self.hold.scene.say("where the database stands now cannot be asked: migops status")
        elif after is not None and self.before is not None:
            how = "is as it was, at" if after == self.before else f"stood at {listed(self.before)}, and now stands at"
            self.hold.scene.say(f"the database {how} {listed(after)}")

    def _status(self) -> tuple[str, ...]:
        target = self.hold.scene.run.target
        return ("migops", "status", *target.commands.compose[2:], target.service)


def _outcome(result: Result) -> str:
    return "interrupted" if result.stopped else "done" if result.code == 0 else "failed"
