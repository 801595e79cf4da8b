"""How often a migration is begun that gave up waiting for a lock with nothing applied, and the pauses in between."""

from __future__ import annotations

import random

ATTEMPTS = 3
PAUSE = (1.0, 3.0)  # seconds between two attempts, by chance in between
LOOK = 0.1  # seconds between two looks for a signal


def pause_length() -> float:
    """Seconds until the next attempt: two runs that wait for each other do not keep in step."""
    return random.uniform(*PAUSE)  # noqa: S311 - no secret
