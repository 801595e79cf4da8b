"""Signals while something goes on that must come to its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from migops.core.signals import handled


@contextmanager
def held_back() -> Iterator[list[int]]:
    """Let a step come to its end: INT, TERM and HUP that come meanwhile are in the list, for the caller to heed."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    with handled(came.append):
        yield came


@contextmanager
def unhurried() -> Iterator[None]:
    """Let what takes things away come to its end: a signal that arrives meanwhile is raised afterwards."""
    with held_back() as came:
        yield
    if came:
        signal.raise_signal(came[0])
