"""Deferral of signals during a step that must not be interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held_back() -> Iterator[list[int]]:
    """Defer INT, TERM and HUP until the step has ended. They are added to the list, for the caller to handle."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in _NUMBERS}
    try:
        yield came
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def unhurried() -> Iterator[None]:
    """Defer signals until a cleanup has ended, and raise them afterwards."""
    with held_back() as came:
        yield
    if came:
        signal.raise_signal(came[0])
