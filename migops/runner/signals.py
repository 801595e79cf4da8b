"""Waiting for something that runs elsewhere, and handing on the signals that come meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Protocol

from migops.core.signals import handled

Events = SimpleQueue[int]
"""Numbers of signals as they arrive, ENDED once what runs has ended, LOST where the lock that it needs is gone."""

ENDED, LOST = 0, -1
STEPS = ((0.0, "INT"), (2.5, "INT"), (5.0, "TERM"), (10.0, "KILL"), (15.0, ""))
"""What is sent when, in seconds from the first signal; '' gives up. A Python that has only just begun misses the first
SIGINT where it is the first process of its container."""


class Running(Protocol):
    """What runs in a container and can be sent signals."""

    def send(self, name: str) -> None:
        """Send the signal of that name (``INT``); never raises for one that has ended."""


@contextmanager
def caught(events: Events) -> Iterator[None]:
    """Put INT, TERM and HUP into ``events`` instead of acting on them."""
    with handled(events.put):
        yield


def attend(running: Running, events: Events) -> tuple[int, bool]:
    """Wait until it has ended. The first signal that came meanwhile (0: none), and whether it has really ended.

    Whichever signal comes, SIGINT is what stops a migration well: Python then cancels the statement and rolls back. Of
    SIGTERM it would die, and the database would go on with the statement; as the first process of a container it would
    not even notice. So SIGTERM and SIGKILL only follow, and a second signal is SIGKILL at once.
    """
    first = 0
    steps: list[tuple[float, str]] = []
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
        chosen = STEPS if not first else [(0.0, "KILL"), (5.0, "")]
        steps = [(time.monotonic() + after, name) for after, name in chosen]
        first = first or event
