"""Stops Alembic before it repeats what an earlier run has, or may have, committed in part."""

from __future__ import annotations

from migops.commands.alembic.guards.context import GuardContext
from migops.commands.alembic.guards.locks import TIMEOUT
from migops.runner import earlier_runs
from migops.runner.commits.repeating import EarlierRuns
from migops.runner.expected_run import ExpectedRun
from migops.runner.migration_lock import MigrationLock


def stop_before_a_repeat(context: GuardContext, lock: MigrationLock, expected: ExpectedRun) -> EarlierRuns:
    """What is known of earlier runs.

    Raises ``ManualActionRequired`` where one of the migrations may be there in part already and ``--repeat`` does not
    name it, MigopsError where ``--repeat`` names a revision that there is not.
    """
    run, repeat = context.run, context.run.run_options.repeat
    earlier_runs.refuse_unknown(repeat, expected.graph)
    past = earlier_runs.look(
        lock.folder, run.engine, run.target.project, lock.url, TIMEOUT, expected.before or (), lock.engine_lock
    )
    steps = expected.steps if expected.after is not None else None
    earlier_runs.refuse(
        past, context.call.verb, steps, repeat, run.target.commands,
        lambda doubts: earlier_runs.Again(words=context.typed(*(f"--repeat={revision}" for revision in doubts))),
    )  # fmt: skip
    return past
