"""Warnings for the person who runs a command: each is shown once, when it is known, on standard error.

The command line opens a ``scope`` for each run and says how a warning is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Run:
    show: Callable[[str], None]
    shown: set[str] = field(default_factory=set)


_runs: list[_Run] = []


@contextmanager
def scope(show: Callable[[str], None]) -> Iterator[None]:
    """A run of the command line, whose warnings are passed to ``show``."""
    _runs.append(_Run(show))
    try:
        yield
    finally:
        _runs.pop()


def warn(text: str) -> None:
    """Show a warning, unless this run has shown it already. Outside of a scope nothing is shown."""
    if _runs and text not in _runs[-1].shown:
        _runs[-1].shown.add(text)
        _runs[-1].show(text)
