"""How the reader wants a report shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """``width`` in columns; ``color`` where the output is a terminal that wants it; how much to say."""

    width: int = 80
    color: bool = False
    verbose: bool = False
    quiet: bool = False
