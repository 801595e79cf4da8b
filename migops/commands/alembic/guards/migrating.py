"""Runs the verbs that change the database, by the one runner, under a journal of its own."""

from __future__ import annotations

from dataclasses import replace

from migops.commands.alembic.call import Result
from migops.commands.alembic.guards.context import GuardContext
from migops.commands.alembic.guards.locks import TIMEOUT, status
from migops.commands.alembic.guards.next_step import after_rows
from migops.commands.alembic.guards.outcome import reported
from migops.commands.alembic.guards.process import AttachedProcess
from migops.commands.alembic.guards.repeat import stop_before_a_repeat
from migops.core.errors import Aborted, Failed
from migops.database.postgres.session import SessionLost
from migops.runner.arguments import redacted
from migops.runner.attempt import Handles, MigrationPolicy, MigrationRequest
from migops.runner.expected_run import ExpectedRun
from migops.runner.migration import migrate
from migops.runner.migration_lock import MigrationLock
from migops.runner.retries import ATTEMPTS
from migops.state import journal
from migops.state.engine_lock import LockLost
from migops.state.signals import held_back


def run(context: GuardContext, lock: MigrationLock, expected: ExpectedRun) -> Result:
    """Run the verb under its locks, and tell how it went.

    Raises ``Failed`` or ``ManualActionRequired`` where Alembic's own code would mislead.
    """
    run_options, target = context.run.run_options, context.run.target
    past = stop_before_a_repeat(context, lock, expected)
    led_elsewhere = lock.question.is_led_elsewhere
    policy = MigrationPolicy(run_options.lock_timeout, TIMEOUT, led_elsewhere=led_elsewhere, attempts=ATTEMPTS)
    request = MigrationRequest(
        target.project, context.command, context.call.verb, context.where.image.id, expected,
        status(context),
    )  # fmt: skip
    with (
        journal.begin(lock.folder, context.command, redacted(context.run.arguments)) as log,
        held_back() as came,
    ):
        past.settle(log, context.run.engine, target.project, run_options.repeat)
        handles = Handles(context.run.engine, log, lock, context.run.say, lambda: bool(came))
        process = AttachedProcess(context, lock, expected, came)
        try:
            migrated = migrate(request, policy, handles, process)
        except (LockLost, SessionLost) as error:
            kind = Failed if process.result else Aborted
            raise kind(f"stopped before anything was changed: {error}") from None
        result = migrated.end
        if came and result.child:  # what came after it had ended well changes nothing any more
            result = replace(result, code=128 + came[0], stopped=True)
        result = reported(context, expected, migrated.outcome, result, is_postgresql=lock.url is not None)
        log.end(_word(result), result.code)
        if result.code == 0:
            after_rows(context, expected, migrated.outcome.after)
    return result


def _word(result: Result) -> str:
    return "interrupted" if result.stopped else "done" if result.code == 0 else "failed"
