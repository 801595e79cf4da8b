"""What a run of Alembic has done to the database: judged by rows, transactions and catalogue, not by an exit code."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from migops.database.postgres.lock_rows import Blocker
from migops.database.postgres.watch import Watched
from migops.runner.commits.outcome import Outcome, State
from migops.runner.expected_run import ExpectedRun
from migops.runner.traceback import is_before_first

_LOCK_TIMEOUT = re.compile(r"canceling statement due to lock timeout|LockNotAvailable")


class Rows(Enum):
    """The rows of the version table after a run."""

    UNKNOWN = "unknown"
    AS_BEFORE = "as before"
    AS_EXPECTED = "as expected"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class MigrationOutcome:
    """What one run, of one or more attempts, has done to the database.

    ``code`` is Alembic's exit code in the last attempt. ``before`` and ``after`` are the rows of the version table;
    None where they are not known. ``commits`` is what has become of its transactions; None where no PostgreSQL can be
    asked, and after a run that ended well and left what it should. ``scripts`` are the migrations of which a part may
    stay, by their text; ``left`` is how the catalogue differs from before, where the rows do not.
    ``blockers`` were in the way of the last attempt of which that was seen. ``lost`` says why the session with the lock
    was lost, '' where it was not.
    """

    code: int
    rows: Rows
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None
    commits: Outcome | None = None
    scripts: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    gave_up_waiting: bool = False
    blockers: tuple[Blocker, ...] = ()
    lost: str = ""
    attempts: int = 1
    was_stopped: bool = False
    is_before_first: bool = False
    """It failed before it began a migration, as its trace or output shows; False if that is not known."""
    reached: str = ""
    """The migration that it began last, as its trace shows; '' if that is not known, or if it began none."""

    @property
    def remains(self) -> State:
        """Whether anything has stayed that the version table does not tell of."""
        if self.left:
            return State.SOMETHING
        if self.commits is not None:
            return self.commits.state
        return State.UNKNOWN if self.scripts else State.NOTHING

    @property
    def is_lost(self) -> bool:
        """Whether it ended well, and the server rolled back all that it did: nobody committed it."""
        ended_well = self.code == 0 and self.rows is Rows.AS_BEFORE
        return ended_well and self.commits is not None and self.commits.is_nothing and self.commits.rolled_back > 0

    @property
    def may_be_repeated(self) -> bool:
        """Whether it gave up waiting for a lock, and the server has told that nothing whatever has stayed."""
        nothing = self.commits is not None and self.commits.may_be_repeated and not self.left
        is_ours = not self.was_stopped and not self.lost
        return self.gave_up_waiting and is_ours and nothing and self.rows is Rows.AS_BEFORE


def judge(
    expected: ExpectedRun, code: int, output: str, after: tuple[str, ...] | None, watched: Watched,
    commits: Outcome | None, *, at: Sequence[str] = (), left: Collection[str] = (), blockers: Sequence[Blocker] = (),
    attempts: int = 1, was_stopped: bool = False, reached: str | None = None,
) -> MigrationOutcome:  # fmt: skip
    """Judge a run by what it has left. ``at``: the migrations that it may have failed at; none given: any of them.

    ``left`` is how the catalogue differs from before; ``blockers`` were in the way of an earlier attempt.
    ``reached`` is the migration that the trace saw begin last, '' if it saw none, None if there is no trace.
    """
    rows = _rows(expected, after)
    is_none_begun = is_before_first(output) if reached is None else not reached
    before_first = bool(code) and rows is Rows.AS_BEFORE and is_none_begun
    return MigrationOutcome(
        code, rows, expected.before, after, commits, () if before_first else expected.commits_by_itself(at),
        tuple(sorted(left)) if rows is Rows.AS_BEFORE else (), gave_up_waiting(code, output, watched),
        watched.blockers or tuple(blockers), watched.lost, attempts, was_stopped, before_first, reached or "",
    )  # fmt: skip


def gave_up_waiting(code: int, output: str, watched: Watched) -> bool:
    """Whether Alembic failed because it waited too long for a lock: by the watch, or by the driver's error."""
    return bool(code) and (watched.was_cancelled or bool(_LOCK_TIMEOUT.search(output)))


def _rows(expected: ExpectedRun, after: tuple[str, ...] | None) -> Rows:
    if after is None or expected.before is None:
        return Rows.UNKNOWN
    if after == expected.before:
        return Rows.AS_BEFORE
    return Rows.AS_EXPECTED if after == expected.after else Rows.OTHER
