"""A shell script as a tree: lists of commands, their operators, and the conditions that they run under.

Reference: POSIX.1-2017, Shell Command Language, 2.9 and 2.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Simple:
    """A command: its words, and its first line."""

    words: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of a compound command."""

    body: Script
    condition: str = ""  # as written; '' if it always runs
    subject: str = ""  # of a ``case``: the tested word
    patterns: tuple[str, ...] = ()  # of a ``case``: the patterns of this branch


@dataclass(frozen=True, slots=True)
class Compound:
    """``if``, ``while``, ``for``, ``case``, ``{ … }`` or ``( … )``. ``tests``: conditions of ``if`` and loops."""

    kind: str
    branches: tuple[Branch, ...]
    tests: tuple[Script, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by ``|``. ``negated``: preceded by ``!``."""

    parts: tuple[Simple | Compound, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """Pipelines joined by ``&&`` and ``||``: ``operators[i]`` precedes ``pipelines[i + 1]``."""

    pipelines: tuple[Pipeline, ...]
    operators: tuple[str, ...] = ()
    background: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A sequence of chains, and the functions defined among them."""

    chains: tuple[Chain, ...] = ()
    functions: Mapping[str, Script] = field(default_factory=dict)
