"""Findings of following a container's start: files, schema changes, calls of Alembic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migops.core.model import Location
from migops.entrypoint.alembic_call import Call

Has = Callable[[Sequence[str]], bool]
"""Whether the image has a file at any of these paths."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that the start names."""

    content: bytes
    at: str  # its path
    place: str  # the path's source: ``image``, ``host``
    mode: int | None = None  # its permission bits in the container; None if they are not known


@dataclass(frozen=True, slots=True)
class Executed:
    """A file that the start runs as a program, not as the argument of a shell or of Python."""

    path: str  # in the container
    file: File
    alone: bool  # the engine starts it; a shell or tini runs a text without an interpreter's line itself


@dataclass(frozen=True, slots=True)
class Change:
    """A command of the start that changes the schema."""

    at: Location
    place: str  # the source of ``at``: ``image``, ``host``, or a description of the command's own source
    text: str  # the command, or the program's line
    upgrade: bool  # Alembic's upgrade; otherwise ``create_all``
    condition: str = ""  # as written; '' if it certainly runs
    swallowed: str = ""  # how the start goes on when it fails; '' if it stops
    of_setting: bool = False  # ``condition`` asks for a setting whose value is not known


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that mentions Alembic."""

    words: tuple[str, ...]
    cwd: str  # its working directory
    environment: Mapping[str, str] = field(repr=False)  # the known variables at this point
    unknown: frozenset[str] = frozenset()  # variables that the script sets to a value unknown here


_UNPLACED = Location("the start")


@dataclass(frozen=True, slots=True)
class Migrating:
    """A command of the start by which Alembic writes to the database, or to the project's migrations."""

    text: str  # as a message may show it
    verb: str  # ``upgrade``, ``stamp``, …
    goal: tuple[str, ...] = ()  # the words after the verb
    program: tuple[str, ...] = ()  # the words before the verb, without wrappers and options
    cwd: str = "/"  # its working directory
    call: Call | None = None  # which configuration it reads; None where that is not told
    doubt: str = ""  # why the text does not settle what it does; '' if it does
    at: Location = _UNPLACED
    place: str = ""  # the source of ``at``

    def located(self, at: Location, place: str) -> Migrating:
        """The same, at its line."""
        return replace(self, at=at, place=place)
