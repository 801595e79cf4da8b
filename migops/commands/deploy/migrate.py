"""The step that migrates: Alembic in a detached container of the built image, judged by the rows it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migops.commands.deploy import connects
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.follow import Followed
from migops.commands.deploy.left_over import catalogue_of
from migops.commands.deploy.next_steps import next_steps, next_steps_hint, typed_again
from migops.commands.deploy.outcome import failure, stays
from migops.commands.deploy.process import DetachedProcess, failed_at
from migops.commands.deploy.repeat import stop_before_a_repeat
from migops.core.errors import Failed, ManualActionRequired, MigopsError, Unavailable
from migops.core.text import listed
from migops.runner import lost_commits
from migops.runner.attempt import Attempt, Handles, MigrationPolicy, MigrationRequest, attempt
from migops.runner.expected_run import ExpectedRun
from migops.runner.migration import Migrated, migrate
from migops.runner.past_runs import refuse_at_work_under
from migops.runner.retries import ATTEMPTS
from migops.runner.running import NotStarted
from migops.state.journal import DEPLOY


def upgrade(deploy: Deploy) -> dict[str, Any]:
    """Apply what is pending. What counts is not what Alembic says but the rows that the database has afterwards."""
    if not deploy.record.pending:
        stop_before_a_repeat(deploy)  # it stops nothing then, but settles what killed runs have left
        return dict(connects.prove(deploy, current))
    before = deploy.record.before or ()
    if (now := deploy.rows()) != before:
        raise ManualActionRequired(
            f"the database was at {listed(before, 'no revision')} a moment ago, and is at "
            f"{listed(now, 'no revision')} now: someone else is migrating; this run applied nothing",
            commands=next_steps(deploy), hint=next_steps_hint(deploy),
        )  # fmt: skip
    refuse_at_work_under(deploy.database)
    stop_before_a_repeat(deploy)
    catalogue = catalogue_of(deploy)
    expected = _expected(deploy, deploy.inputs.heads)
    try:
        migrated = run(deploy, ("upgrade", deploy.inputs.goal), expected, ATTEMPTS, catalogue)
    except MigopsError as error:  # it is not known what stays, so a downgrade must not run
        deploy.record.stays = deploy.record.stays or f"the end of the migration is not known: {error.message}"
        raise
    outcome, followed = migrated.outcome, migrated.end
    if outcome.code:
        deploy.record.stays = stays(outcome, failed_at(deploy, followed))
        raise failure(deploy, followed, outcome)
    if outcome.is_lost:
        from migops.commands.failures.closing import after_edit  # only this failure pays for them all

        again = typed_again(deploy)
        then = after_edit("lost-commits", deploy.inputs.target, ("upgrade", "head"), again)
        raise lost_commits.error(outcome, expected, then)
    _tell(deploy, followed)
    return {"rows": list(outcome.after or ()), "attempts": outcome.attempts}


def run(
    deploy: Deploy, arguments: Sequence[str], expected: ExpectedRun, attempts: int = 1,
    catalogue: frozenset[str] | None = None,
) -> Migrated[Followed]:  # fmt: skip
    """Run Alembic with these arguments in a one-off container of the built image, by the one runner.

    ``catalogue`` is what the database's lists before it; None where it is not compared.
    """
    process, handles = DetachedProcess(deploy, arguments), _handles(deploy)
    try:
        return migrate(
            _request(deploy, arguments[0], expected), _policy(deploy, attempts), handles, process,
            lambda: _left(deploy, catalogue) if catalogue is not None else (),
        )  # fmt: skip
    except NotStarted as error:
        raise Failed(error.message) from None


def _left(deploy: Deploy, catalogue: frozenset[str]) -> frozenset[str]:
    """How the catalogue differs from before, after a migration that failed."""
    try:
        return catalogue_of(deploy) ^ catalogue
    except Unavailable as error:
        raise ManualActionRequired(
            f"the migration failed, and its effect on the database cannot be read: {error.message}",
            commands=next_steps(deploy), hint=next_steps_hint(deploy),
        ) from error  # fmt: skip


def current(deploy: Deploy, arguments: Sequence[str]) -> Attempt[Followed]:
    """Run Alembic once with arguments by which it only reads; the engine is told nothing of that."""
    rows = deploy.record.after or ()
    request = _request(deploy, arguments[0], ExpectedRun(rows, rows))
    try:
        process = DetachedProcess(deploy, arguments)
        return attempt(request, _policy(deploy, 1, is_noted=False), _handles(deploy), process, 1)
    except NotStarted as error:
        raise Failed(error.message) from None


def downgraded(deploy: Deploy, to: str) -> Migrated[Followed]:
    """Take the database back to a revision, by the new image's own downgrade."""
    return run(deploy, ("downgrade", to), _expected(deploy, deploy.record.before or ()))


def verify(deploy: Deploy) -> dict[str, Any]:
    """The database is where the image's history ends."""
    deploy.check()
    rows, heads = deploy.rows(), deploy.inputs.heads
    if rows != heads:
        raise ManualActionRequired(
            f"the database is at {listed(rows, 'no revision')} after the migration, not at {listed(heads)}: someone "
            "else migrates, or env.py writes to another database than the one that migops reads",
            commands=next_steps(deploy), hint=next_steps_hint(deploy),
        )  # fmt: skip
    return {"rows": list(rows)}


def _expected(deploy: Deploy, after: tuple[str, ...]) -> ExpectedRun:
    """From the rows that were read last to these, by the migrations that are, or were, pending."""
    inputs = deploy.inputs
    return ExpectedRun(
        deploy.record.after or (), after, tuple(deploy.record.pending or ()), inputs.history, inputs.host, on_host=True
    )


def _request(deploy: Deploy, verb: str, expected: ExpectedRun) -> MigrationRequest:
    target = deploy.inputs.target
    return MigrationRequest(
        deploy.inputs.project.name, DEPLOY, verb, deploy.record.built[target.service], expected,
        target.commands.migops("status"),
    )  # fmt: skip


def _policy(deploy: Deploy, attempts: int, *, is_noted: bool = True) -> MigrationPolicy:
    options, led_elsewhere = deploy.options, deploy.inputs.question.is_led_elsewhere
    return MigrationPolicy(options.lock_timeout, options.timeout, led_elsewhere, is_noted, attempts)


def _handles(deploy: Deploy) -> Handles:
    return Handles(deploy.engine, deploy.log, deploy.database, deploy.say.line, deploy.is_stopped)


def _tell(deploy: Deploy, followed: Followed) -> None:
    """A line for each revision that Alembic's own logging did not tell of."""
    for revision in deploy.record.pending or ():
        if revision not in followed.revisions:
            deploy.say.line(f"upgrade   {revision}  {deploy.inputs.history.by_id[revision].message}".rstrip())
