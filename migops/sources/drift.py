"""Differences between models and schema, parsed from the output of ``alembic check``.

Alembic prints its operations as Python's ``repr``. They are parsed as text, bracket by bracket, and never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FOUND = "New upgrade operations detected: "
NONE = "No new upgrade operations detected"
_LONGEST = 160  # characters of an operation that is shown as printed
_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Drift:
    """The result of ``alembic check``."""

    differences: tuple[str, ...]  # a sentence each; () if models and schema agree
    where: str  # the container it was run in


def differences(output: str) -> tuple[str, ...] | None:
    """The differences in Alembic's output, in its order; None if the output has no result."""
    for line in output.splitlines():
        _, marker, operations = line.partition(FOUND)
        if marker and operations.startswith("["):
            return tuple(_said(each) for each in _flat(operations))
    return () if NONE in output else None


def _flat(text: str) -> Iterator[str]:
    """The operations of a list, flattened: those on one column are a nested list."""
    for part in _split(_inner(text)):
        if part.startswith("["):
            yield from _flat(part)
        else:
            yield part


def _inner(text: str) -> str:
    return text.strip()[1:-1]


def _split(text: str) -> list[str]:
    """The parts between commas outside brackets and strings."""
    parts, start, depth, at = [], 0, 0, 0
    while at < len(text):
        char = text[at]
        if char in "'\"":
            at = _end_of_string(text, at)
        elif char in _PAIRS:
            depth += 1
        elif char in _PAIRS.values():
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def _end_of_string(text: str, at: int) -> int:
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at


def _said(operation: str) -> str:
    """One operation as a sentence; an unknown one as printed."""
    try:
        sentence = _in_words(operation)
    except IndexError:
        sentence = ""
    return sentence or (operation if len(operation) <= _LONGEST else f"{operation[: _LONGEST - 1]}…")


def _in_words(operation: str) -> str:
    words = _split(_inner(operation))
    kind, rest = _name(words[0]), words[1:]
    verb, _, what = kind.partition("_")
    sides = {"add": "in the models only", "remove": "in the database only"}
    if kind in ("add_table", "remove_table"):
        return f"table {_first(rest[0])}: {sides[verb]}"
    if kind in ("add_column", "remove_column"):
        return f"column {_table(rest)}.{_first(rest[2])}: {sides[verb]}"
    if verb in sides and what in ("index", "constraint", "fk"):
        return f"{_thing(rest[0])}: {sides[verb]}"
    if verb == "modify" and len(rest) == 6:
        before, after = (_VALUES.get(what, {}).get(each, each) for each in rest[4:])
        aspect = "" if what in ("type", "nullable") else f"{what} "
        return f"column {_table(rest)}.{_name(rest[2])}: {aspect}{before} in the database, {after} in the models"
    return ""


_VALUES = {
    "nullable": {"True": "NULL", "False": "NOT NULL"},
    "default": {"None": "none", "False": "none"},
    "comment": {"None": "none"},
}


def _table(words: list[str]) -> str:
    """The table of an operation on a column, qualified with its schema."""
    return _name(words[1]) if words[0] == "None" else f"{_name(words[0])}.{_name(words[1])}"


def _name(word: str) -> str:
    """A printed string without its quotes."""
    return word[1:-1] if word[:1] in ("'", '"') else word


def _first(call: str) -> str:
    """The first argument of a constructor: ``Table('product', …)``."""
    words = _split(call.partition("(")[2].removesuffix(")"))
    return _name(words[0]) if words else call


_THINGS = {
    "UniqueConstraint": "unique constraint", "ForeignKeyConstraint": "foreign key", "CheckConstraint": "check",
    "PrimaryKeyConstraint": "primary key", "Index": "index",
}  # fmt: skip


def _thing(call: str) -> str:
    """An index or constraint: its name, if it has one, its table and columns."""
    kind = call.partition("(")[0]
    words = _split(call.partition("(")[2].removesuffix(")"))
    named = next((word[len("name=") :] for word in words if word.startswith("name=")), words[0] if words else "")
    name = f" {_name(named)}" if named[:1] in ("'", '"') else ""
    columns = ", ".join(dict.fromkeys(re.findall(r"Column\('([^']*)'", call)))
    table = re.search(r"table=<([^>]*)>", call)
    on = f" on {table[1]}" if table else ""
    return f"{_THINGS.get(kind, kind)}{name}{on}{f' ({columns})' if columns else ''}"
