"""Commands that are the purpose of a container, and those that only prepare it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

_PASSING = frozenset(
    (
        *("[", "[[", ":", "chmod", "chown", "cd", "date", "echo", "exit", "export", "false", "mkdir", "printf", "read"),
        *("return", "set", "shift", "sleep", "test", "trap", "true", "ulimit", "umask", "unset", "wait"),
    )
)
"""Commands that are never the purpose of a container."""
_LONG = 600.0  # seconds; a longer `sleep` is the purpose of the container, not a pause
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def is_purpose(words: Sequence[str]) -> bool:
    """True if this command may be what the container is for."""
    name = posixpath.basename(words[0]) if words else ""
    return bool(name) and (name not in _PASSING or (name == "sleep" and _is_long(words[1:])))


def _is_long(durations: Sequence[str]) -> bool:
    """True if a ``sleep`` of these durations (``90``, ``1.5h``, ``infinity``) is the purpose of the container."""
    seconds = 0.0
    for duration in durations:
        number, unit = (duration[:-1], _UNITS[duration[-1]]) if duration[-1:] in _UNITS else (duration, 1)
        try:
            seconds += float(number) * unit
        except ValueError:
            return False  # a variable, for example
    return seconds >= _LONG
