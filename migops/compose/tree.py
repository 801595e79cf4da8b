"""Plain YAML values with the mark of each entry: its location, and the marks of the values it replaced.

A ``Map`` is a dict, a ``Seq`` a list; scalars are ``str``, ``int``, ``float``, ``bool``, ``None`` and ``Timestamp``.
The container keeps the mark of a value, so every transformation works on ordinary Python values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migops.core.errors import MigopsError
from migops.core.location import Location

MOST_FAULTS = 50


class Mark:
    """The position of an entry: ``line`` counts from 1. ``replaced`` is the mark of the value it overrode."""

    __slots__ = ("file", "line", "replaced")

    def __init__(self, file: str, line: int, replaced: Mark | None = None) -> None:
        self.file = file
        self.line = line
        self.replaced = replaced

    @property
    def location(self) -> Location:
        """The location for messages."""
        return Location(self.file, self.line)

    def history(self) -> list[Location]:
        """This mark's location, then those it replaced, newest first."""
        seen = []
        mark: Mark | None = self
        while mark is not None:
            seen.append(mark.location)
            mark = mark.replaced
        return seen


class Map(dict[str, Any]):
    """A mapping with the mark of every key."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, Mark] = {}

    def put(self, key: str, value: Any, mark: Mark) -> None:
        """Set an entry and its mark."""
        self[key] = value
        self.marks[key] = mark

    @classmethod
    def of(cls, entries: Iterable[tuple[str, Any]], mark: Mark) -> Map:
        """A mapping whose entries all have one mark: the long form of a short one."""
        made = cls()
        for key, value in entries:
            made[key] = value
            made.marks[key] = mark
        return made


class Seq(list[Any]):
    """A list with the mark of every item."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[Mark] = []

    def add(self, value: Any, mark: Mark) -> None:
        """Append an item and its mark."""
        self.append(value)
        self.marks.append(mark)

    @classmethod
    def of(cls, items: Iterable[tuple[Any, Mark]]) -> Seq:
        """A list of items with their marks."""
        made = cls()
        for value, mark in items:
            made.append(value)
            made.marks.append(mark)
        return made

    def marked(self) -> Iterable[tuple[Any, Mark]]:
        """The items with their marks."""
        return zip(self, self.marks, strict=True)


class Timestamp(str):
    """A plain scalar that YAML reads as a date. Compose accepts it only in extensions."""

    __slots__ = ()


def clone(value: Any) -> Any:
    """A deep copy of the values; marks are shared, as they never change."""
    if isinstance(value, Map):
        copied = Map()
        for key, entry in value.items():
            copied[key] = clone(entry) if isinstance(entry, (Map, Seq)) else entry
        copied.marks = dict(value.marks)
        return copied
    if isinstance(value, Seq):
        listed = Seq()
        listed.extend(clone(item) if isinstance(item, (Map, Seq)) else item for item in value)
        listed.marks = list(value.marks)
        return listed
    return value


def plain(value: Any) -> Any:
    """The same value as ordinary dicts and lists, without marks."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Timestamp) else value


def refuse(message: str, mark: Mark | None, hint: str = "") -> MigopsError:
    """The error for input that compose rejects: compose's own message, at the entry's mark."""
    return MigopsError(message, at=mark.location if mark else None, hint=hint)


def raise_all(faults: list[MigopsError]) -> None:
    """Raise the first fault, followed by the others: compose itself would report any one of them."""
    if not faults:
        return
    first, *others = faults
    told = "".join(f"; also {other}" for other in others[:MOST_FAULTS])
    more = f"; and {len(others) - MOST_FAULTS} more" if len(others) > MOST_FAULTS else ""
    raise MigopsError(first.message + told + more, at=first.at, hint=first.hint)
