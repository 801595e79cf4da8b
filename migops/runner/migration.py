"""Runs a verb of Alembic that changes the database: begun again after a lock wait, and judged by what it has left.

What rows, transactions and catalogue say afterwards decides; nothing is assumed from an exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic

from migops.core.wait import until
from migops.database.postgres.lock_rows import Blocker
from migops.runner import retries
from migops.runner.attempt import Attempt, Handles, MigrationPolicy, MigrationRequest, attempt, note_commits
from migops.runner.outcome import MigrationOutcome, judge
from migops.runner.process import AlembicProcess, E_co


@dataclass(frozen=True, slots=True)
class Migrated(Generic[E_co]):
    """How the last attempt ended, and what all of them have done to the database."""

    end: E_co
    outcome: MigrationOutcome


def nothing_left() -> Collection[str]:
    """The catalogue is not looked at."""
    return ()


def migrate(
    request: MigrationRequest, policy: MigrationPolicy, handles: Handles, process: AlembicProcess[E_co],
    left: Callable[[], Collection[str]] = nothing_left,
) -> Migrated[E_co]:  # fmt: skip
    """Run it, under the locks, and note for the next run what has stayed of it, or may have.

    ``left`` tells how the catalogue differs from before. Raises as ``attempt`` does.
    """
    number = 1
    blockers: tuple[Blocker, ...] = ()
    while True:
        last = attempt(request, policy, handles, process, number)
        stays = None if last.commits is None or last.commits.is_nothing else last.commits
        if stays is not None:  # before anything else can fail
            note_commits(request, handles, process, last.trace, stays)
        outcome = _judged(request, process, last, number, left, blockers)
        if handles.is_stopped() or number >= policy.attempts or not outcome.may_be_repeated:
            break
        blockers = outcome.blockers
        last.trace.settle_on_engine()
        number += 1
        pause = retries.pause_length()
        handles.say(f"nothing was applied; attempt {number} of {policy.attempts} in {pause:.0f} s")
        until(handles.is_stopped, bool, seconds=pause, pause=retries.LOOK)
        if handles.is_stopped():
            break
    if stays is None:
        last.trace.settle_on_engine()
    return Migrated(last.end, outcome)


def _judged(
    request: MigrationRequest, process: AlembicProcess[E_co], last: Attempt[E_co], number: int,
    left: Callable[[], Collection[str]], blockers: tuple[Blocker, ...],
) -> MigrationOutcome:  # fmt: skip
    end, failed = last.end, bool(last.end.exit_code)
    record = last.trace.record
    may_be_left = failed and last.rows == request.expected.before
    return judge(
        request.expected, end.exit_code, end.text, last.rows, last.watched, last.commits,
        at=process.failed_at() if failed else (), left=left() if may_be_left else (), blockers=blockers,
        attempts=number, was_stopped=end.stopped, reached=None if record.missing else record.at,
    )  # fmt: skip
