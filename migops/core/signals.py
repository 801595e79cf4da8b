"""Signals that ask a process to end, handled otherwise for a while."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(handle: Callable[[int], object], numbers: Sequence[signal.Signals] = ENDING) -> Iterator[None]:
    """Call ``handle`` with the number of each of these signals that arrives; the handlers of before are put back.

    Only Python's main thread can do this: in another one it raises ValueError.
    """

    def called(number: int, frame: FrameType | None) -> None:
        handle(number)

    before = {number: signal.signal(number, called) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
