"""Deferral of signals during a step that must not be interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from migops.core.signals import handled


@contextmanager
def held_back() -> Iterator[list[int]]:
    """Defer INT, TERM and HUP until the step has ended. They are added to the list, for the caller to handle."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    with handled(came.append):
        yield came


@contextmanager
def unhurried() -> Iterator[None]:
    """Defer signals until a cleanup has ended, and raise them afterwards."""
    with held_back() as came:
        yield
    if came:
        signal.raise_signal(came[0])
