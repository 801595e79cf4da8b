"""Tables keyed by a path in the document, such as ``services.*.volumes.[]``: the form of most of compose's rules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

Table = dict[str, Any]
"""Nested by path step; the entry of the path itself is under the empty step."""


def table(entries: dict[str, Any]) -> Table:
    """Dotted paths → a nested table. ``*`` stands for any step, list items included."""
    made: Table = {}
    for path, value in entries.items():
        at = made
        for step in path.split("."):
            at = at.setdefault(step, {})
        at[""] = value
    return made


def below(at: Table, step: str) -> Table | None:
    """The part of the table one step down; None if it has no rule."""
    entry = at.get(step)
    return at.get("*") if entry is None else entry


def with_hooks(entries: dict[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """The entries, and those of a service's ``keys`` once more for each of its ``pre_start`` hooks."""
    of_hooks = {
        path.replace("services.*.", "services.*.pre_start.[].", 1): value
        for path, value in entries.items()
        if path.startswith("services.*.") and path.split(".")[2] in keys
    }
    return {**entries, **of_hooks}
