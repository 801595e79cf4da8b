"""The chain: files, revisions, places, and the links between neighbouring places. Frozen values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from migops.core.location import Location


class EntryKind(str, Enum):
    """The kind of a path in a file system or in a layer."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"
    """Device, FIFO or socket."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path in a place."""

    path: str
    """Absolute POSIX path in the place that it was read from, without a trailing slash."""
    kind: EntryKind
    size: int = 0
    """Bytes."""
    mode: int = 0
    mtime: float = 0.0
    """Seconds since the epoch."""
    uid: int = 0
    gid: int = 0
    target: str = ""
    """A symlink's text, as stored."""
    sha256: str = ""
    """Hex digest of a regular file's bytes."""
    content: bytes | None = field(default=None, repr=False)
    """A regular file's bytes, if the reader was asked to keep them."""


Tree = Mapping[str, Entry]
"""Entries by their absolute path. A path that the place lacks has no key."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration script, read from its text without importing it."""

    id: str
    """Alembic's ``revision``."""
    parents: tuple[str, ...] = ()
    """Alembic's ``down_revision``."""
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    path: str = ""
    """The script's path in its place."""
    line: int = 0
    """The line of the ``revision`` assignment."""
    down_line: int = 0
    """The line of the ``down_revision`` assignment; 0 if there is none."""
    message: str = ""
    """The first line of the docstring."""
    has_downgrade: bool = True
    """True if its ``downgrade`` may undo it; also if both functions do nothing, as those of a merge."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A script in a versions folder that cannot be understood without running it."""

    path: str
    line: int
    reason: str


class PlaceName(str, Enum):
    """The places of the chain, in the order in which a migration file travels through them."""

    GIT = "git"
    HOST = "host"
    CONTEXT = "context"
    IMAGE = "image"
    CONTAINER = "container"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Absent:
    """The place does not exist (yet), for example because no container was created. An answer, not a failure."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The place was not read, because neither the command nor its options asked for it."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The place, or a value in it, could not be read."""

    reason: str
    """The attempt and the obstacle."""
    hint: str = ""
    """A suggestion for the user; empty if there is none."""
    command: tuple[str, ...] = ()
    """A command after which it can be read; () if none is known."""
    edit: str = ""
    """An edit of the line ``at`` after which it can be read; '' if none is known."""
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """One image."""

    ref: str
    id: str
    """The engine's image ID, or the digest of an archive's config."""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """A file of the migration environment in one place."""

    name: str
    """The key shared by all places: the path relative to the script location (``versions/010_add.py``)."""
    path: str
    """The path in this place."""
    sha256: str
    size: int = 0
    """Bytes."""
    mtime: float = 0.0
    """Seconds since the epoch."""
    mode: int = 0
    uid: int = 0
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class MigrationSet:
    """The migrations in one place: the scripts that Alembic would load there, and the files around them."""

    location: tuple[str, ...]
    """The versions folders, by the place's own paths."""
    scripts: Mapping[str, MigrationFile]
    """By ``MigrationFile.name``."""
    revisions: tuple[Revision, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    environment: Mapping[str, MigrationFile] = field(default_factory=dict)
    """env.py, the configuration file and the script template, by ``MigrationFile.name``."""
    bytecode: tuple[str, ...] = ()
    """Compiled files beside the scripts. Alembic loads them only with ``sourceless``."""
    sourceless: bool = False
    script_location: str = ""
    """The folder that the names of the scripts are relative to."""
    note: str = ""
    """A sentence about assumptions; empty if everything was read."""


Reading = MigrationSet | Absent | NotAsked | Unknown
"""The result of reading a place."""


class LinkStatus(str, Enum):
    """The result of comparing the scripts of two neighbouring places."""

    EQUAL = "equal"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Link:
    """Two neighbouring places that were read, and the names of the scripts in which they differ."""

    source: PlaceName
    target: PlaceName
    status: LinkStatus
    only_source: tuple[str, ...] = ()
    only_target: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reason: str = ""
    """The reason for ``UNKNOWN``."""
