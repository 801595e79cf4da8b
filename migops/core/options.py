"""Options on the command lines of Alembic, Flask-Migrate and compose: their long names, and how a value is given.

A table maps each spelling of an option that takes a value to its one name: the long one, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

COMPOSE: Mapping[str, str] = {"-f": "--file", "-p": "--project-name"}
"""Compose's short options by their long names."""
COMPOSE_OPTIONS = frozenset({*COMPOSE, *COMPOSE.values(), "--env-file", "--profile", "--project-directory"})
"""All of compose's options that migops takes; each takes a value."""
ALEMBIC: Mapping[str, str] = {"-c": "--config", "--config": "--config", "-n": "--name", "--name": "--name", "-x": "-x"}
"""Alembic's own options, which stand before its command."""
FLASK_MIGRATE: Mapping[str, str] = {"-d": "--directory", "--directory": "--directory", "-x": "-x", "--x-arg": "-x"}
"""Those of ``flask db``, which stand after its command."""


class Option(NamedTuple):
    """An option as it was ``typed`` (without its value), its one ``name``, and its ``value`` ('' if it is missing)."""

    typed: str
    name: str
    value: str


def split(word: str) -> tuple[str, str | None]:
    """An option, and the value in the same word (``--name=value``, ``-nvalue``); None if its value is the next word."""
    if word.startswith("--"):
        typed, equals, value = word.partition("=")
        return typed, value if equals else None
    return word[:2], word[2:] or None


def with_value(words: Iterable[str], table: Mapping[str, str], *, anywhere: bool = False) -> Iterator[Option]:
    """The options of the table, with their values, up to the first word that is neither; ``anywhere``: all of them."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            if anywhere:
                continue
            return
        typed, value = split(word)
        if typed in table:
            yield Option(typed, table[typed], next(rest, "") if value is None else value)
