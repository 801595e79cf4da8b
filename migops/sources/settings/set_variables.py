"""Variables that the project's code itself sets or removes: what the container has then is not what the code reads."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

_SETS = re.compile(rb"environ\[\s*[\"'](\w+)[\"']\s*\]\s*=[^=]")
_REMOVES = re.compile(rb"environ\.pop\(\s*[\"'](\w+)[\"']|del\s+os\.environ\[\s*[\"'](\w+)[\"']")
_DEFAULTS = re.compile(rb"environ\.setdefault\(\s*[\"'](\w+)[\"']")
_UPDATES = re.compile(rb"environ\.update\(([^()]*)")
_NAMED = re.compile(rb"[\"'](\w+)[\"']\s*:|\b(\w+)\s*=[^=]")


def set_by_code(texts: Iterable[bytes], given: Container[str]) -> frozenset[str]:
    """The names. ``given``: the variables that have a value, which ``setdefault`` leaves as it is."""
    names: set[bytes] = set()
    for text in texts:
        names.update(_SETS.findall(text))
        names.update(one or other for one, other in _REMOVES.findall(text))
        names.update(name for name in _DEFAULTS.findall(text) if name.decode() not in given)
        for update in _UPDATES.findall(text):
            names.update(one or other for one, other in _NAMED.findall(update))
    return frozenset(name.decode() for name in names)
