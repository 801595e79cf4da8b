"""How the application's models and the database's schema differ, read from what ``alembic check`` writes.

Alembic writes its operations as Python shows them. They are read as text, bracket by bracket, and never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FOUND = "New upgrade operations detected: "
NONE = "No new upgrade operations detected"
_LONGEST = 160  # characters of an operation that is shown as it was written
_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Drift:
    """What ``alembic check`` found, a sentence each (() where models and schema agree), and where it was run."""

    differences: tuple[str, ...]
    where: str


def differences(output: str) -> tuple[str, ...] | None:
    """The differences that Alembic's output tells of, in its order; None where it does not say if there are any."""
    for line in output.splitlines():
        _, found, operations = line.partition(FOUND)
        if found and operations.startswith("["):
            return tuple(_said(each) for each in _flat(operations))
    return () if NONE in output else None


def _flat(text: str) -> Iterator[str]:
    """The operations of a list; those on one column are a list of their own."""
    for each in _split(_inner(text)):
        if each.startswith("["):
            yield from _flat(each)
        else:
            yield each


def _inner(text: str) -> str:
    return text.strip()[1:-1]


def _split(text: str) -> list[str]:
    """The parts between the commas that lie in no bracket and no string."""
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
    """One operation as a sentence; as it was written where it is one that is not known here."""
    try:
        said = _in_words(operation)
    except IndexError:
        said = ""
    return said or (operation if len(operation) <= _LONGEST else f"{operation[: _LONGEST - 1]}…")


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
    """The table that an operation on a column names: its schema comes first."""
    return _name(words[1]) if words[0] == "None" else f"{_name(words[0])}.{_name(words[1])}"


def _name(word: str) -> str:
    """A string as it is shown, without its quotes."""
    return word[1:-1] if word[:1] in ("'", '"') else word


def _first(call: str) -> str:
    """The name that an object is made with: ``Table('product', …)``."""
    words = _split(call.partition("(")[2].removesuffix(")"))
    return _name(words[0]) if words else call


_THINGS = {
    "UniqueConstraint": "unique constraint", "ForeignKeyConstraint": "foreign key", "CheckConstraint": "check",
    "PrimaryKeyConstraint": "primary key", "Index": "index",
}  # fmt: skip


def _thing(call: str) -> str:
    """An index or a constraint, by its name where it has one, with the table and columns that it is about."""
    kind = call.partition("(")[0]
    words = _split(call.partition("(")[2].removesuffix(")"))
    named = next((word[len("name=") :] for word in words if word.startswith("name=")), words[0] if words else "")
    name = f" {_name(named)}" if named[:1] in ("'", '"') else ""
    columns = ", ".join(dict.fromkeys(re.findall(r"Column\('([^']*)'", call)))
    table = re.search(r"table=<([^>]*)>", call)
    on = f" on {table[1]}" if table else ""
    return f"{_THINGS.get(kind, kind)}{name}{on}{f' ({columns})' if columns else ''}"
