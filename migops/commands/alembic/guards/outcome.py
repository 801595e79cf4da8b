"""How a run that changed the database went: judged by the rows of the version table, not by an exit code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from migops.commands.alembic.call import Result
from migops.commands.alembic.guards.context import GuardContext, History, listed
from migops.core.errors import Failed, ManualActionRequired
from migops.database.postgres.lock_rows import Blocker
from migops.database.postgres.watch import Watched
from migops.migrations.scripts import COMMITS_BY_ITSELF
from migops.runner.commits.judging import Outcome, State
from migops.runner.preview import ran, tops

_LOCK_TIMEOUT = re.compile(r"canceling statement due to lock timeout|LockNotAvailable")


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of a run beforehand.

    ``before`` are the rows that it found (None: not known), ``expected`` those that it should leave (None: cannot be
    told), ``steps`` the migrations that it should run or undo, in order, ``history`` the scripts that it sees.
    """

    before: tuple[str, ...] | None
    expected: tuple[str, ...] | None = None
    steps: tuple[str, ...] = ()
    history: History | None = None

    def commits_on_its_own(self) -> tuple[str, ...]:
        """Those of the migrations of which a part may stay though the rows do not tell."""
        return self.scripts_with(COMMITS_BY_ITSELF)

    def scripts_with(self, pattern: re.Pattern[bytes]) -> tuple[str, ...]:
        """Those of the migrations whose script has a text in it."""
        if self.history is None:
            return ()
        paths = {file.path: file.content for file in self.history.held.scripts.values()}
        graph = self.history.graph.by_id
        return tuple(each for each in self.steps if each in graph and pattern.search(paths.get(graph[each].path, b"")))

    def own_steps(self, output: str, after: tuple[str, ...]) -> int:
        """How many of the migrations it has surely done itself before one failed, where the rows are of just these."""
        if self.history is None:
            return 0
        graph = self.history.graph
        begun = [to for _, to in ran(output)]
        env_py = next((f.content for f in self.history.held.environment.values() if f.name.endswith("env.py")), b"")
        for number in range(1, len(self.steps)):
            own = self.steps[:number]
            if tops(graph, graph.ancestors(self.before or ()) | set(own)) == after:
                logged = begun[: number + 1] == list(self.steps[: number + 1])
                return number if logged or b"transaction_per_migration" in env_py else 0
        return 0


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges one run: ``seen`` is what its last attempt's watch saw, ``attempts`` how many there were.

    ``commits`` is what has become of its transactions; None where only the scripts' text can tell. ``is_postgresql``
    is False where no server tells. ``blockers`` were in the way of the last attempt of which that was seen.
    """

    context: GuardContext
    course: Course
    seen: Watched
    attempts: int
    commits: Outcome | None = None
    is_postgresql: bool = True
    blockers: tuple[Blocker, ...] = ()

    def judged(self, result: Result, after: tuple[str, ...] | None) -> Result:
        """Our exit code, by what the version table says.

        Raises ``Failed`` or ``ManualActionRequired`` where Alembic's own code would mislead.
        """
        if result.stopped:
            if self.commits is not None and not self.commits.is_nothing and after == self.course.before:
                raise self._stayed(result, after or ())
            self._say_where(after)
            return result
        if after is None and self.course.before is not None:
            raise ManualActionRequired(
                f"Alembic ended with code {result.child}, and where the database stands now cannot be asked",
                commands=[status(self.context)], hint="look before anything else is done:",
            )  # fmt: skip
        if self.seen.lost and result.child:
            self._lost(after)
        if self.course.before is None or after is None:
            return result
        if result.child == 0:
            return self._as_expected(result, after)
        if after != self.course.before:
            return self._moved(result, after)
        if waited(result, self.seen):
            self._in_the_way(after)
        if self.commits is not None and not self.commits.is_nothing:
            raise self._stayed(result, after)
        if self.commits is not None or self.course.commits_on_its_own():
            self._say_where(after)
        return result

    def _may_have_stayed(self) -> bool:
        """Whether anything may have stayed that the version table does not tell of."""
        return not self.commits.is_nothing if self.commits else bool(self.course.commits_on_its_own())

    def _stayed(self, result: Result, after: tuple[str, ...]) -> ManualActionRequired:
        """It failed, and a part of it has, or may have, been committed."""
        return ManualActionRequired(
            f"Alembic ended with code {result.child}; the version table is as it was, at {listed(after)}, but "
            f"{self._has_stayed()}", commands=[status(self.context)], hint=self._again(),
        )  # fmt: skip

    def _again(self) -> str:
        """What to do, and how the next run is told that it may run the same once more."""
        if self.commits is None:
            return "see what it has done, and undo that by hand; then run it again"
        steps = self.commits.steps or self.course.steps
        again = self.context.typed(*(f"--repeat={each}" for each in steps))
        return f"see what it has done, and undo that by hand; the next run stops there until it is told: {again}"

    def _as_expected(self, result: Result, after: tuple[str, ...]) -> Result:
        if self.seen.lost:
            self.context.say(f"{self.seen.lost}; it had come to its end all the same, at {listed(after)}")
        if self.course.expected is not None and after == self.course.before != self.course.expected:
            self.context.say(
                f"the version table that was looked at still stands at {listed(after)}: Alembic has changed another "
                "one (env.py chooses it, by -x or -n, or for each schema), of which migops knows nothing"
            )
        elif self.course.expected is not None and after != self.course.expected:
            raise ManualActionRequired(
                f"the database stands at {listed(after)}, and this {self.context.call.verb} should have left it at "
                f"{listed(self.course.expected)}: someone else has changed it meanwhile",
                commands=[status(self.context)], hint="see what it has now, and who else migrates it:",
            )  # fmt: skip
        if self.course.expected is None:
            self._say_where(after)
        return result

    def _lost(self, after: tuple[str, ...] | None) -> None:
        lost = f"{self.seen.lost}; Alembic was stopped, because another run could have begun"
        if after is not None and after == self.course.before and not self._may_have_stayed():
            raise Failed(f"{lost}. The database is as it was, at {listed(after)}", hint="run it again")
        raise ManualActionRequired(
            f"{lost}. The database stood at {listed(self.course.before or ())} and now at {listed(after or ())}"
            + (f"; {self._has_stayed()}" if self._may_have_stayed() else ""),
            commands=[status(self.context)],
        )

    def _in_the_way(self, after: tuple[str, ...]) -> None:
        """It gave up waiting. Raises: ``Failed`` where that is all, ``ManualActionRequired`` where something may have
        stayed."""
        lines = "".join(f"\n  in the way: {blocker}" for blocker in self.blockers)
        tries = f"{self.attempts} times " if self.attempts > 1 else ""
        seconds = self.context.run.run_options.lock_timeout
        gave_up = f"the migration waited {tries}{seconds:g} s for a lock that another session holds"
        pid = self.blockers[0].pid if self.blockers else 0
        end = f", or end that session (SELECT pg_terminate_backend({pid}))" if pid else ""
        if self._may_have_stayed():
            raise ManualActionRequired(
                f"{gave_up}. The version table is as it was, at {listed(after)}, but {self._has_stayed()}{lines}",
                commands=[status(self.context)],
                hint=f"wait{end}; {self._again()}",
            )
        raise Failed(
            f"{gave_up}, and gave up. Nothing was applied: the database is as it was, at {listed(after)}{lines}",
            hint=f"wait{end}, then run it again; --lock-timeout SECONDS waits longer, and the application with it",
        )

    def _moved(self, result: Result, after: tuple[str, ...]) -> Result:
        """It failed, and the rows are other ones than before: by its own first steps, or by someone else."""
        context = self.context
        apart = self.commits is not None and not self.commits.is_nothing
        if not apart and context.call.verb == "upgrade" and (done := self.course.own_steps(result.output, after)):
            context.say(f"it failed at {self.course.steps[done]}; the {done} before it stay: the database stands at "
                      f"{listed(after)}, before it at {listed(self.course.before or ())}")  # fmt: skip
            return result
        stays = (
            self._has_stayed() if apart else "someone else has migrated it meanwhile, or a part of this run has stayed"
        )
        raise ManualActionRequired(
            f"Alembic ended with code {result.child}, and the database went from {listed(self.course.before or ())} to "
            f"{listed(after)}: {stays}", commands=[status(self.context)],
            hint=self._again() if apart else "see what it has now, and who else migrates it:",
        )  # fmt: skip

    def _say_where(self, after: tuple[str, ...] | None) -> None:
        """Say where the database stands now, as far as that is known."""
        before = self.course.before
        if before is None:
            return
        if after is None:
            self.context.say(f"where the database stands now cannot be asked: {' '.join(status(self.context))}")
        elif after != before:
            self.context.say(f"the database stood at {listed(before)}, and stands at {listed(after)} now")
        elif self._may_have_stayed():
            self.context.say(f"the version table is as it was, at {listed(after)}, but {self._has_stayed()}")
        elif self.is_postgresql:
            self.context.say(f"the database is as it was, at {listed(after)}")
        else:
            self.context.say(
                f"the version table is as it was, at {listed(after)}; whether anything else was committed is not known"
            )

    def _has_stayed(self) -> str:
        if self.commits is not None and self.commits.state is State.SOMETHING:
            return f"a part of it stays: {self.commits.why}"
        if self.commits is not None:
            return f"whether a part of it stays is not known: {self.commits.why}"
        return f"what {listed(self.course.commits_on_its_own())} did outside of a transaction may have stayed"


def waited(result: Result, seen: Watched) -> bool:
    """Whether Alembic failed because it waited too long for a lock."""
    return bool(result.child) and (seen.was_cancelled or bool(_LOCK_TIMEOUT.search(result.output)))


def status(context: GuardContext) -> tuple[str, ...]:
    """The command that shows where the database stands."""
    target = context.run.target
    return target.commands.migops("status")
