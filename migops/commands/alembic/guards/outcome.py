"""What the outcome of a run means for ``migops alembic``: our exit code, and what the user is told."""

from __future__ import annotations

from dataclasses import dataclass

from migops.commands.alembic.call import Result
from migops.commands.alembic.guards.context import GuardContext, listed
from migops.commands.alembic.guards.locks import status
from migops.core.errors import Failed, ManualActionRequired
from migops.runner import lost_commits
from migops.runner.commits.outcome import State
from migops.runner.expected_run import ExpectedRun
from migops.runner.outcome import MigrationOutcome, Rows


def reported(
    context: GuardContext, expected: ExpectedRun, outcome: MigrationOutcome, result: Result, *, is_postgresql: bool
) -> Result:
    """The result with our exit code, and the user told where the database stands.

    ``is_postgresql`` is False where no server tells. Raises ``Failed`` or ``ManualActionRequired`` where Alembic's own
    code would mislead.
    """
    return _Report(context, expected, outcome, is_postgresql).of(result)


@dataclass(frozen=True, slots=True)
class _Report:
    context: GuardContext
    expected: ExpectedRun
    outcome: MigrationOutcome
    is_postgresql: bool

    def of(self, result: Result) -> Result:
        outcome = self.outcome
        if result.stopped:
            if outcome.commits is not None and not outcome.commits.is_nothing and outcome.rows is Rows.AS_BEFORE:
                raise self._partly(result)
            self._say_where()
            return result
        if outcome.after is None and outcome.before is not None:
            raise ManualActionRequired(
                f"Alembic ended with code {result.child}, and it is not known which revision the database is at now",
                commands=[status(self.context)], hint="check before you do anything else:",
            )  # fmt: skip
        if outcome.lost and result.child:
            raise self._lost()
        if outcome.rows is Rows.UNKNOWN:
            return result
        if result.child == 0:
            return self._as_expected(result)
        if outcome.rows is not Rows.AS_BEFORE:
            return self._moved(result)
        if outcome.gave_up_waiting:
            raise self._gave_up()
        if outcome.commits is not None and not outcome.commits.is_nothing:
            raise self._partly(result)
        if outcome.commits is not None or outcome.scripts:
            self._say_where()
        return result

    @property
    def _before(self) -> str:
        return listed(self.outcome.before or ())

    @property
    def _after(self) -> str:
        return listed(self.outcome.after or ())

    @property
    def _may_have_stayed(self) -> bool:
        """Whether anything may have stayed that the version table does not tell of."""
        return self.outcome.remains is not State.NOTHING

    def _partly(self, result: Result) -> ManualActionRequired:
        """It failed, and a part of it has, or may have, been committed."""
        return ManualActionRequired(
            f"Alembic ended with code {result.child}; the version table is as it was, at {self._after}, but "
            f"{self._has_stayed()}", commands=[status(self.context)], hint=self._again(),
        )  # fmt: skip

    def _again(self) -> str:
        """What to do, and how the next run is told that it may run the same once more."""
        commits = self.outcome.commits
        if commits is None:
            return "check what it has done, and undo that by hand; then run it again"
        again = self.context.typed(*(f"--repeat={step}" for step in commits.steps or self.expected.steps))
        return f"check what it has done, and undo that by hand; the next run stops there unless you type: {again}"

    def _as_expected(self, result: Result) -> Result:
        outcome, expected = self.outcome, self.expected.after
        if outcome.is_lost:
            from migops.commands.failures.closing import after_edit  # only this failure pays for them all

            run = self.context.run
            then = after_edit("lost-commits", run.target, run.arguments, run.again())
            raise lost_commits.error(outcome, self.expected, then)
        if outcome.lost:
            self.context.say(f"{outcome.lost}; it had finished all the same, at {self._after}")
        if expected is None:
            self._say_where()
        elif outcome.after != expected and outcome.rows is Rows.AS_BEFORE:
            doubt = self.context.where.doubt
            chosen = "env.py chooses it, by -x or -n, or for each schema"
            self.context.say(
                f"the version table that migops reads is still at {self._after}: Alembic has changed another one, "
                f"unknown to migops ({f'{chosen}; or the container does: {doubt}' if doubt else chosen})"
            )
        elif outcome.after != expected:
            raise ManualActionRequired(
                f"the database is at {self._after}, and this {self.context.call.verb} should have left it at "
                f"{listed(expected)}: someone else has changed it meanwhile",
                commands=[status(self.context)], hint="check what it has now, and who else is migrating it:",
            )  # fmt: skip
        return result

    def _lost(self) -> Failed | ManualActionRequired:
        lost = f"{self.outcome.lost}; Alembic was stopped, because another run could have begun"
        if self.outcome.rows is Rows.AS_BEFORE and not self._may_have_stayed:
            return Failed(f"{lost}. The database is as it was, at {self._after}", hint="run it again")
        return ManualActionRequired(
            f"{lost}. The database was at {self._before} and is at {self._after} now"
            + (f"; {self._has_stayed()}" if self._may_have_stayed else ""),
            commands=[status(self.context)],
        )

    def _gave_up(self) -> Failed | ManualActionRequired:
        """It gave up waiting: that is all, or something may have stayed."""
        outcome = self.outcome
        lines = "".join(f"\n  in the way: {blocker}" for blocker in outcome.blockers)
        tries = f"{outcome.attempts} times " if outcome.attempts > 1 else ""
        seconds = self.context.run.run_options.lock_timeout
        gave_up = f"the migration waited {tries}{seconds:g} s for a lock that another session holds"
        pid = outcome.blockers[0].pid if outcome.blockers else 0
        end = f", or end that session (SELECT pg_terminate_backend({pid}))" if pid else ""
        if self._may_have_stayed:
            return ManualActionRequired(
                f"{gave_up}. The version table is as it was, at {self._after}, but {self._has_stayed()}{lines}",
                commands=[status(self.context)], hint=f"wait{end}; {self._again()}",
            )  # fmt: skip
        return Failed(
            f"{gave_up}, and gave up. Nothing was applied: the database is as it was, at {self._after}{lines}",
            hint=f"wait{end}, then run it again; --lock-timeout SECONDS waits longer, and the application with it",
        )

    def _moved(self, result: Result) -> Result:
        """It failed, and the rows are other ones than before: by its own first steps, or by someone else."""
        context, outcome = self.context, self.outcome
        is_partly = outcome.commits is not None and not outcome.commits.is_nothing
        if not is_partly and context.call.verb == "upgrade" and (done := self._own_steps(result)):
            context.say(f"it failed at {self.expected.steps[done]}; the {done} before it stay: the database is at "
                        f"{self._after}, before the run it was at {self._before}")  # fmt: skip
            return result
        stays = self._has_stayed() if is_partly else (
            "someone else has migrated it meanwhile, or a part of this run has stayed"
        )  # fmt: skip
        raise ManualActionRequired(
            f"Alembic ended with code {result.child}, and the database went from {self._before} to {self._after}: "
            f"{stays}", commands=[status(self.context)],
            hint=self._again() if is_partly else "check what it has now, and who else is migrating it:",
        )  # fmt: skip

    def _own_steps(self, result: Result) -> int:
        return self.expected.own_steps(result.output, self.outcome.after or ())

    def _say_where(self) -> None:
        """Say where the database stands now, as far as that is known."""
        context, outcome = self.context, self.outcome
        if outcome.before is None:
            return
        if outcome.after is None:
            context.say(f"it is not known which revision the database is at now: {' '.join(status(context))}")
        elif outcome.rows is not Rows.AS_BEFORE:
            context.say(f"the database was at {self._before}, and is at {self._after} now")
        elif self._may_have_stayed:
            context.say(f"the version table is as it was, at {self._after}, but {self._has_stayed()}")
        elif self.is_postgresql:
            context.say(f"the database is as it was, at {self._after}")
        else:
            context.say(
                f"the version table is as it was, at {self._after}; whether anything else was committed is not known"
            )

    def _has_stayed(self) -> str:
        commits, scripts = self.outcome.commits, self.outcome.scripts
        if commits is not None:
            stays = (
                "a part of it stays" if commits.state is State.SOMETHING else "whether a part of it stays is not known"
            )
            return f"{stays}: {commits.why}"
        return f"what {listed(scripts)} did outside of a transaction may have stayed"
