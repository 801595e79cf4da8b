"""Keys that the specification does not have: carried along, with a warning that compose may refuse the file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from migops.compose.tree import Mark

_SHORT = 7
"""Letters up to which a single edit is a misspelling; two edits in longer keys."""


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that migops does not know, and the known one that is nearest to it."""

    path: tuple[str, ...]  # with the key itself; the index of a list's item as a text
    value: Any
    mark: Mark
    nearest: str

    def warning(self, where: str) -> str:
        """The sentence for the user; ``where`` is the mark as it is shown."""
        inside = f" in {'.'.join(self.path[:-1])}" if self.path[1:] else ""
        return (
            f"{where}: `{self.path[-1]}`{inside} is not a key that migops knows (nearest: `{self.nearest}`); it is "
            "kept as it is, and docker compose may refuse the file"
        )


def is_misspelt(key: str, known: Collection[str]) -> bool:
    """True if the key is most likely a misspelling of a known one: ``enviroment``, ``depends-on``, ``Image``."""
    most = 1 if len(key) <= _SHORT else 2
    folded = _folded(key)
    return any(folded == _folded(name) or distance(key, name, most) <= most for name in known)


def nearest(key: str, known: Iterable[str]) -> str:
    """The known key that has most in common with this one; the first of them by name."""
    import difflib  # only an unknown key pays for it

    return max(sorted(known), key=lambda name: difflib.SequenceMatcher(None, key, name).ratio(), default="")


def _folded(key: str) -> str:
    return key.lower().replace("-", "").replace("_", "")


def distance(one: str, other: str, most: int) -> int:
    """The edits (insert, delete, replace, swap of neighbours) between two texts, or ``most`` + 1 if they are more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        here = [row]
        for column, candidate in enumerate(other, start=1):
            edits = min(above[column] + 1, here[-1] + 1, above[column - 1] + (letter != candidate))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == candidate:
                edits = min(edits, before[column - 2] + 1)
            here.append(edits)
        before, above = above, here
    return min(above[-1], most + 1)


def carry(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put the value of an unknown key into the decoded document, where it stands in the file."""
    parent: Any = document
    for step in path[:-1]:
        if isinstance(parent, list):
            parent = parent[int(step)] if int(step) < len(parent) else None
        elif isinstance(parent, dict):
            parent = parent.setdefault(step, {})
    if isinstance(parent, dict):
        parent[path[-1]] = value
