"""Waiting with a deadline, on a clock of the test's own: a second passes only where something sleeps or acts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migops.core import wait


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 100.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(wait, "time", clock)
    return clock


class Busy(Exception):
    pass


class TooLong(Busy):
    pass


@pytest.mark.parametrize(
    ("good", "seconds", "answer", "slept"),
    [
        (1, 0.0, 1, []),
        (2, 0.0, 1, []),
        (3, 5.0, 3, [2.0, 2.0]),
        (9, 5.0, 4, [2.0, 2.0, 1.0]),
    ],
    ids=["good at once", "no time to ask again", "good the third time", "never good: the last pause is shorter"],
)
def test_until_an_answer_is_good(clock: Clock, good: int, seconds: float, answer: int, slept: list[float]) -> None:
    answers = iter(range(1, 10))
    assert wait.until(lambda: next(answers), lambda got: got >= good, seconds=seconds, pause=2.0) == answer
    assert clock.slept == slept


def test_a_slow_answer_that_comes_after_the_time_is_the_last(clock: Clock) -> None:
    def ask() -> float:
        clock.now += 20
        return clock.now

    assert wait.until(ask, lambda _: False, seconds=10, pause=1) == 120
    assert clock.slept == []


def test_a_pause_can_be_drawn_for_each_attempt(clock: Clock) -> None:
    pauses = iter([1.0, 3.0])
    wait.until(lambda: len(clock.slept), lambda number: number == 2, seconds=60, pause=lambda: next(pauses))
    assert clock.slept == [1.0, 3.0]


def failing(errors: list[Exception]) -> Callable[[], str]:
    left = iter(errors)

    def act() -> str:
        for error in left:
            raise error
        return "done"

    return act


def test_retry_returns_the_first_result(clock: Clock) -> None:
    told: list[Busy] = []
    first = Busy("1")
    act = failing([first, Busy("2")])
    assert wait.retry(act, Busy, seconds=10, pause=1, on_wait=told.append) == "done"
    assert told == [first], "once, before the first pause"
    assert clock.slept == [1.0, 1.0]


@pytest.mark.parametrize(
    ("errors", "seconds", "raised", "pauses"),
    [
        ([Busy("1"), Busy("2")], 0.0, "1", 0),
        ([Busy("1"), Busy("2"), Busy("3"), Busy("4")], 2.0, "3", 2),
        ([Busy("1"), TooLong("2"), Busy("3")], 60.0, "2", 1),
        ([Busy("1"), ValueError("2"), Busy("3")], 60.0, "2", 1),
    ],
    ids=["no time", "time is over", "final", "another error"],
)
def test_retry_raises_the_last_error(
    clock: Clock, errors: list[Exception], seconds: float, raised: str, pauses: int
) -> None:
    told: list[Busy] = []
    with pytest.raises((Busy, ValueError), match=f"^{raised}$"):
        wait.retry(
            failing(errors), Busy, seconds=seconds, pause=1,
            is_final=lambda error: isinstance(error, TooLong), on_wait=told.append,
        )  # fmt: skip
    assert len(clock.slept) == pauses
    assert len(told) == min(pauses, 1), "nothing is announced that is not waited for"
