"""The words the whole of migops speaks: places, files, revisions, links, findings.

Frozen values only. This module imports nothing of ours but ``Location``, so that every room may import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from migops.core.location import Location as Location


class EntryKind(str, Enum):
    """What a path is, in a file system or in a layer."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"  # device, FIFO, socket


@dataclass(frozen=True, slots=True)
class Entry:
    """One path as a place holds it.

    ``path`` is absolute and POSIX in the place it was read from, without a trailing slash. ``size`` is in bytes,
    ``mtime`` in seconds since the epoch. ``sha256`` is the hex digest of a regular file's bytes; ``content`` the bytes
    themselves where the reader was asked to keep them. ``target`` is a symlink's text, as stored.
    """

    path: str
    kind: EntryKind
    size: int = 0
    mode: int = 0
    mtime: float = 0.0
    uid: int = 0
    gid: int = 0
    target: str = ""
    sha256: str = ""
    content: bytes | None = field(default=None, repr=False)


Tree = Mapping[str, Entry]
"""Entries by their absolute path. A path that the place does not have is simply not a key."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What Alembic would know of one migration script, read from its text (never imported).

    Source of the fields: Alembic's own ``revision``, ``down_revision``, ``depends_on``, ``branch_labels``.
    ``path`` is the script's path in its place; ``line`` that of the ``revision`` assignment; ``message`` the first line
    of the docstring. ``down_line`` is the line of ``down_revision`` (0 where there is none).
    """

    id: str
    parents: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    path: str = ""
    line: int = 0
    down_line: int = 0
    message: str = ""
    has_downgrade: bool = True


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A script in a versions folder that cannot be understood without running it, and why."""

    path: str
    line: int
    reason: str


class Severity(str, Enum):
    """How bad a finding is. ``--fail-on`` compares by ``rank``."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return ("info", "warning", "error").index(self.value)


class PlaceName(str, Enum):
    """The places of the chain, in the order a migration file travels through them."""

    GIT = "git"
    HOST = "host"
    CONTEXT = "context"
    IMAGE = "image"
    CONTAINER = "container"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Absent:
    """The place does not exist (yet): no container was created, say. This is an answer, not a failure."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The place was not looked at, because the command or its options did not ask for it."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The place was asked for and could not be read; ``reason`` says what was tried and what stood in the way."""

    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One step of the smallest fix: a command, as an argument list that can be typed as it stands, and why it helps.

    An empty ``command`` is a step that no command can do; then ``why`` is the instruction. Steps follow one another,
    but for an ``alternative``, which is another way than the steps before it.
    """

    why: str
    command: tuple[str, ...] = ()
    alternative: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a revision, a file, or both."""

    revision: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with the facts it rests on and the smallest fix."""

    rule: str
    name: str
    severity: Severity
    subject: Subject
    message: str
    cause: str
    link: tuple[PlaceName, PlaceName] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    remedy: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that could not be judged, and why. It is reported; it is never silently clean."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """Which image a report speaks of. ``id`` is the engine's (or the archive's config) digest."""

    ref: str
    id: str
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """A file of the migration environment as one place holds it.

    ``name`` is the key that all places share: the path relative to the script location (``versions/010_add.py``).
    ``path`` is where the place itself keeps it.
    """

    name: str
    path: str
    sha256: str
    size: int = 0
    mtime: float = 0.0
    mode: int = 0
    uid: int = 0
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class MigrationSet:
    """What one place holds: the scripts that Alembic would load there, and the files around them.

    ``location`` is the versions folder (or folders) as the place names them, ``script_location`` the folder that the
    keys of the scripts are relative to. ``scripts`` and ``environment`` (env.py, the ini file, the template) are keyed
    by ``MigrationFile.name``. ``bytecode`` lists compiled files beside the scripts; Alembic loads them only under
    ``sourceless``. ``note`` is a sentence on what was assumed rather than read.
    """

    location: tuple[str, ...]
    scripts: Mapping[str, MigrationFile]
    revisions: tuple[Revision, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    environment: Mapping[str, MigrationFile] = field(default_factory=dict)
    bytecode: tuple[str, ...] = ()
    sourceless: bool = False
    script_location: str = ""
    note: str = ""


Reading = MigrationSet | Absent | NotAsked | Unknown
"""What reading a place gives."""


class LinkStatus(str, Enum):
    """Whether two neighbours hold the same scripts."""

    EQUAL = "equal"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Link:
    """Two neighbouring places that were read, and the script names in which they differ."""

    source: PlaceName
    target: PlaceName
    status: LinkStatus
    only_source: tuple[str, ...] = ()
    only_target: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PlaceSummary:
    """A place in a report: what was read there, or why nothing was."""

    place: PlaceName
    status: str  # read | absent | not-asked | unknown
    reason: str = ""
    location: str = ""
    revisions: int = 0
    heads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One revision or script on which the places disagree: a mark a place, and the link that names the cause."""

    label: str
    path: str
    marks: Mapping[PlaceName, str]  # held | missing | changed
    link: tuple[PlaceName, PlaceName] | None


class Verdict(str, Enum):
    """What a check comes to. It always agrees with the exit code: 0, 1, 3."""

    CLEAN = "clean"
    FINDINGS = "findings"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """All that a reading command found out, ready to be rendered in any format.

    ``missing`` says why there is no verdict, a sentence each. ``deselected`` are the ids of the rules that --select or
    --ignore left out: nobody asked them. ``fail_on`` is the lowest severity that the verdict counts.
    """

    command: str
    verdict: Verdict
    project: str
    service: str
    image: ImageIdentity | None
    places: tuple[PlaceSummary, ...]
    links: tuple[Link, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    missing: tuple[str, ...] = ()
    deselected: tuple[str, ...] = ()
    fail_on: Severity = Severity.ERROR
