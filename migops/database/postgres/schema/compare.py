"""Compares two schemas: exact differences, their distance, and notes on differences that do not count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migops.database.postgres.schema.items import EXTENSION, ORDER, STRICT, Item, Schema


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference."""

    expected: Item | None  # created by the migrations
    found: Item | None  # in the database
    within: tuple[Item, ...] = ()  # the items of a whole table (or view, …) that is on one side only

    @property
    def item(self) -> Item:
        """The item of the difference: the expected one, or the one in the database."""
        item = self.expected or self.found
        assert item is not None  # noqa: S101 - a difference has at least one of the two
        return item

    @property
    def is_renamed(self) -> bool:
        """True if only the name differs."""
        return bool(self.expected and self.found and self.expected.name != self.found.name)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences, table by table. ``distance`` is the number of items; ``notes`` do not count."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    compared: int

    @property
    def is_equal(self) -> bool:
        """True if nothing differs, notes aside."""
        return not self.differences

    @property
    def distance(self) -> int:
        """The number of items that differ."""
        return sum(1 + len(each.within) for each in self.differences)


def compare(expected: Schema, actual: Schema) -> Comparison:
    """Compare the database's schema (``actual``) with the one that the migrations create (``expected``).

    The order of columns is only a note: a column that was added later is last. Extensions that only the database has
    are notes too: they were created for the server, not by a migration.
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
        *(Difference(item, None, within) for item, within in _grouped([one for one in lacking if one not in gone])),
        *(Difference(None, item, within) for item, within in _grouped([one for one in extra if one not in new])),
    ]
    differences.sort(key=lambda one: (one.item.table or one.item.name, one.item.kind != "table", one.item.name))
    everything = {key for key in (*expected, *actual) if key[0] != ORDER}
    return Comparison(tuple(differences), tuple(_notes(expected, actual)), len(everything))


def _counts(item: Item) -> bool:
    return item.kind != ORDER


def _text(item: Item) -> str:
    """The definition for the comparison, without differences in the line ends of views and functions."""
    return "\n".join(line.rstrip() for line in item.text.strip().splitlines())


def _renamed(lacking: list[Item], extra: list[Item]) -> Iterator[tuple[Item, Item]]:
    """Keys, constraints and indexes of one table with the same definition under two names."""
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
    """The definition without the name, which an index's definition contains."""
    return item.text.partition(" ON ")[2] + str("UNIQUE" in item.text[:14]) if item.kind == "index" else item.text


def _grouped(items: list[Item]) -> Iterator[tuple[Item, tuple[Item, ...]]]:
    """Each table with its items; items of tables that both sides have come one by one."""
    whole = {item.name for item in items if _has_parts(item)}
    for item in items:
        if _has_parts(item):
            yield item, tuple(each for each in items if each.table == item.name and each is not item)
        elif item.table not in whole:
            yield item, ()


def _has_parts(item: Item) -> bool:
    """True if other items may belong to this one: a table's columns, the owner or comment of a view, …"""
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
