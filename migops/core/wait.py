"""Waiting with a deadline: ask until the answer is good, or try until there is no error. All times are seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)
Pause = float | Callable[[], float]
"""The time between two attempts, or a function that draws it anew for each."""


def until(
    ask: Callable[[], T],
    is_good: Callable[[T], object],
    *,
    seconds: float,
    pause: Pause,
    on_wait: Callable[[T], object] | None = None,
) -> T:
    """Ask until the answer is good or ``seconds`` are over, and return the last answer, good or not.

    It asks at least once, and for the last time when the time is over. ``on_wait`` gets the first answer that is not
    good, if it asks again.
    """
    deadline = time.monotonic() + seconds
    while not is_good(answer := ask()):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        if on_wait is not None:
            on_wait(answer)
            on_wait = None
        time.sleep(min(_drawn(pause), left))
    return answer


def retry(
    act: Callable[[], T],
    error: type[E],
    *,
    seconds: float,
    pause: Pause,
    is_final: Callable[[E], object] = lambda _: False,
    on_wait: Callable[[E], object] | None = None,
) -> T:
    """Act until it raises no ``error``, and return the result.

    Raises the last error when ``seconds`` are over, or at once when ``is_final`` says so. ``on_wait`` gets the first
    error after which it tries again.
    """

    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except error as raised:
            left = deadline - time.monotonic()
            if left <= 0 or is_final(raised):
                raise
            if on_wait is not None:
                on_wait(raised)
                on_wait = None
        time.sleep(min(_drawn(pause), left))


def _drawn(pause: Pause) -> float:
    return pause() if callable(pause) else pause
