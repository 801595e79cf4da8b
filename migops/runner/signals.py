"""Waiting for something that runs elsewhere, and handing on the signals that come meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Protocol

Events = SimpleQueue[int]
"""Numbers of signals as they arrive, and ENDED once what runs has ended."""

ENDED = 0
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPT_AFTER = 2.0  # seconds after which SIGINT follows another signal
GRACE = 10.0  # seconds from the first signal to SIGKILL
_GIVE_UP = 5.0  # seconds after SIGKILL


class Running(Protocol):
    """What runs in a container and can be sent signals."""

    def send(self, name: str) -> None:
        """Send the signal of that name (``INT``); never raises for one that has ended."""


@contextmanager
def caught(events: Events) -> Iterator[None]:
    """Put INT, TERM and HUP into ``events`` instead of acting on them."""

    def handle(number: int, frame: FrameType | None) -> None:
        events.put(number)

    before = {number: signal.signal(number, handle) for number in _NUMBERS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def attend(running: Running, events: Events) -> tuple[int, bool]:
    """Wait until it has ended. The first signal that came meanwhile (0: none), and whether it has really ended.

    A signal is handed on. The first process of a container ignores SIGTERM unless it asked for it, and Python does
    not; SIGINT it understands, and then it cancels its statement and rolls back. So SIGINT follows, then SIGKILL. A
    second signal is SIGKILL at once.
    """
    first = 0
    steps: list[tuple[float, str]] = []  # what to send and when, in order; '' gives up
    while True:
        try:
            event = events.get(timeout=max(0.0, steps[0][0] - time.monotonic()) if steps else None)
        except Empty:
            _, name = steps.pop(0)
            if not name:
                return first, False
            running.send(name)
            continue
        if event == ENDED:
            return first, True
        now = time.monotonic()
        if first:
            steps = [(now, "KILL"), (now + _GIVE_UP, "")]
            continue
        first = event
        steps = [(now, signal.Signals(event).name.removeprefix("SIG"))]
        if event != signal.SIGINT:
            steps.append((now + _INTERRUPT_AFTER, "INT"))
        steps += [(now + GRACE, "KILL"), (now + GRACE + _GIVE_UP, "")]
