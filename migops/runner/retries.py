"""How often a migration is begun that gave up waiting for a lock with nothing applied, and the pauses in between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

ATTEMPTS = 3
PAUSE = (1.0, 3.0)  # seconds between two attempts, by chance in between
_LOOK = 0.1  # seconds between two looks for a signal


def pause_length() -> float:
    """Seconds until the next attempt: two runs that wait for each other do not keep in step."""
    return random.uniform(*PAUSE)  # noqa: S311 - no secret


def wait(seconds: float, is_stopped: Callable[[], bool]) -> None:
    """Wait, or until a signal has come."""
    until = time.monotonic() + seconds
    while not is_stopped() and time.monotonic() < until:
        time.sleep(_LOOK)
