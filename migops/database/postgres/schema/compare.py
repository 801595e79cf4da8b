"""Compares two schemas: what exactly differs, how far they are apart, and what differs without counting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migops.database.postgres.schema.items import EXTENSION, ORDER, STRICT, Item, Schema


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. ``expected`` is what the migrations make, ``found`` what the database has; None: nothing.

    Where a whole table (or view, …) is on one side only, what belongs to it is not told apart: ``within`` are those.
    """

    expected: Item | None
    found: Item | None
    within: tuple[Item, ...] = ()

    @property
    def item(self) -> Item:
        item = self.expected or self.found
        assert item is not None  # noqa: S101 - one of the two is there, or it would be no difference
        return item

    @property
    def is_renamed(self) -> bool:
        """Whether only the name differs."""
        return bool(self.expected and self.found and self.expected.name != self.found.name)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, table by table; ``distance`` is how many items that are. ``notes`` do not count."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    compared: int

    @property
    def is_equal(self) -> bool:
        return not self.differences

    @property
    def distance(self) -> int:
        return sum(1 + len(each.within) for each in self.differences)


def compare(expected: Schema, actual: Schema) -> Comparison:
    """Hold what the database has (``actual``) against what the migrations make (``expected``).

    The order of columns is noted, and never makes a difference: a column that was added later stands last. Extensions
    that only the database has are noted, too: they were made for the server, not by a migration.
    """
    lacking = [item for key, item in expected.items() if key not in actual and _counts(item)]
    extra = [item for key, item in actual.items() if key not in expected and _counts(item) and item.kind != EXTENSION]
    changed = [
        (item, actual[key])
        for key, item in expected.items()
        if key in actual and _counts(item) and _text(actual[key]) != _text(item)
    ]
    renamed = list(_renamed(lacking, extra))
    gone, new = {a for a, _ in renamed}, {b for _, b in renamed}
    differences = [
        *(Difference(a, b) for a, b in changed),
        *(Difference(a, b) for a, b in renamed),
        *(Difference(item, None, within) for item, within in _grouped([each for each in lacking if each not in gone])),
        *(Difference(None, item, within) for item, within in _grouped([each for each in extra if each not in new])),
    ]
    differences.sort(key=lambda each: (each.item.table or each.item.name, each.item.kind != "table", each.item.name))
    everything = {key for key in (*expected, *actual) if key[0] != ORDER}
    return Comparison(tuple(differences), tuple(_notes(expected, actual)), len(everything))


def _counts(item: Item) -> bool:
    return item.kind != ORDER


def _text(item: Item) -> str:
    """The definition as it counts: a view's or function's end of line is nobody's choice."""
    return "\n".join(line.rstrip() for line in item.text.strip().splitlines())


def _renamed(lacking: list[Item], extra: list[Item]) -> Iterator[tuple[Item, Item]]:
    """Keys, constraints and indexes of one table that say the same under two names."""
    left = list(extra)
    for item in lacking:
        twin = next((each for each in left if _same_but_for_the_name(item, each)), None)
        if twin is not None:
            left.remove(twin)
            yield item, twin


def _same_but_for_the_name(one: Item, other: Item) -> bool:
    if one.kind != other.kind or one.table != other.table or one.kind in ("table", "column", *STRICT) or not one.table:
        return False
    return _nameless(one) == _nameless(other)


def _nameless(item: Item) -> str:
    """An index's definition holds its name."""
    return item.text.partition(" ON ")[2] + str("UNIQUE" in item.text[:14]) if item.kind == "index" else item.text


def _grouped(items: list[Item]) -> Iterator[tuple[Item, tuple[Item, ...]]]:
    """Each table with all that belongs to it, and what belongs to tables that both sides have, one by one."""
    whole = {item.name for item in items if _has_parts(item)}
    for item in items:
        if _has_parts(item):
            yield item, tuple(each for each in items if each.table == item.name and each is not item)
        elif item.table not in whole:
            yield item, ()


def _has_parts(item: Item) -> bool:
    """Whether others belong to it: a table, and (an owner, a comment) what stands by itself as a view does."""
    return item.kind == "table" or (not item.table and item.kind not in STRICT)


def _notes(expected: Schema, actual: Schema) -> Iterator[str]:
    for key, item in expected.items():
        other = actual.get(key)
        same = other is not None and sorted(item.text.split(", ")) == sorted(other.text.split(", "))
        if item.kind == ORDER and other is not None and same and item.text != other.text:
            yield f"{item.name} has its columns in another order: {other.text} instead of {item.text}"
    for key, item in actual.items():
        if item.kind == EXTENSION and key not in expected:
            yield f"the database has the extension {item.name}, which no migration makes"
