"""When a migration that failed is begun once more, and what its rows and transactions come to."""

from __future__ import annotations

from typing import Any

import pytest

from migops.database.postgres.session import Waiting
from migops.database.postgres.watch import Wait, Watched
from migops.runner.commits import Outcome, State
from migops.runner.expected_run import ExpectedRun
from migops.runner.outcome import Rows, judge

WAITING = Waiting(5, "10.0.0.3", "migops-1", None, "ALTER TABLE t", "relation", "AccessExclusiveLock", "t", (9,))
CUT = Watched([Wait(WAITING, (), 5.0, cancelled=True)])
TIMEOUT = "(psycopg.errors.LockNotAvailable) canceling statement due to lock timeout"
NOTHING = Outcome(State.NOTHING)
EXPECTED = ExpectedRun(("a",), ("b",), ("b",))
GIVEN_UP: dict[str, Any] = {"code": 1, "output": TIMEOUT, "after": ("a",), "watched": Watched(), "commits": NOTHING}


@pytest.mark.parametrize(
    ("changes", "repeated"),
    [
        ({}, True),
        ({"output": "", "watched": CUT}, True),
        ({"output": "division by zero"}, False),
        ({"code": 0}, False),
        ({"after": ("b",)}, False),
        ({"after": ("x",)}, False),
        ({"after": None}, False),
        ({"commits": None}, False),  # no server tells what has stayed
        ({"commits": Outcome(State.SOMETHING, "an index")}, False),
        ({"commits": Outcome(State.UNKNOWN, "its trace is lost")}, False),
        ({"commits": Outcome(State.NOTHING, "not all was seen")}, False),
        ({"left": ["index public.half"]}, False),
        ({"watched": Watched(lost="the session is lost")}, False),
        ({"was_stopped": True}, False),
    ],
)
def test_only_a_lock_wait_of_which_nothing_has_stayed(changes: dict[str, Any], repeated: bool) -> None:
    given = {**GIVEN_UP, **changes}
    positional = [given.pop(name) for name in ("code", "output", "after", "watched", "commits")]
    assert judge(EXPECTED, *positional, **given).may_be_repeated is repeated


@pytest.mark.parametrize(
    ("expected", "after", "rows"),
    [
        (EXPECTED, ("a",), Rows.AS_BEFORE),
        (EXPECTED, ("b",), Rows.AS_EXPECTED),
        (EXPECTED, ("c",), Rows.OTHER),
        (EXPECTED, None, Rows.UNKNOWN),
        (ExpectedRun(None, ("b",)), ("b",), Rows.UNKNOWN),
        (ExpectedRun(("a",), None), ("b",), Rows.OTHER),
        (ExpectedRun(("a",), ("a",)), ("a",), Rows.AS_BEFORE),
    ],
)
def test_the_rows(expected: ExpectedRun, after: tuple[str, ...] | None, rows: Rows) -> None:
    assert judge(expected, 1, "", after, Watched(), None).rows is rows


def test_what_the_catalogue_has_more_counts_only_where_the_rows_are_as_before() -> None:
    """Of a database that has moved it is known that it has more."""
    as_before = judge(EXPECTED, 1, "", ("a",), Watched(), NOTHING, left=["index public.half"])
    moved = judge(EXPECTED, 1, "", ("b",), Watched(), NOTHING, left=["index public.whole"])
    assert (as_before.remains, moved.remains) == (State.SOMETHING, State.NOTHING)
