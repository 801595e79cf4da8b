"""Verifies that a dump on this machine's disk is complete and of the expected database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migops.commands.backup.contents import Contents, major, parse_listing, parse_rows
from migops.core import progress
from migops.core.errors import Aborted
from migops.core.model import Location
from migops.database.postgres import dump_commands
from migops.database.postgres.tools import PATIENCE, Tools

_CHUNK = 1 << 20
_MAGIC = b"PGDMP"


@dataclass(frozen=True, slots=True)
class Expected:
    """The requirements on a dump."""

    database: str
    table: tuple[str, str]
    """Schema and name of the version table."""
    server: str = ""
    """The server's exact version; empty for any."""
    newest: int = 0
    """The newest major version; 0 for any."""
    has_table: bool | None = None
    """True if the version table's rows must be in the dump, False if they must not; None if unknown."""
    sha256: str = ""
    """The dump's digest; empty if unknown."""
    is_empty: bool = False
    """True if the database was empty, so that the dump may be empty too."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A complete dump."""

    contents: Contents
    size: int
    """Bytes."""
    sha256: str
    revisions: tuple[str, ...]
    """The rows of its version table."""


def verify(tools: Tools, path: Path, expected: Expected) -> Verified:
    """Read the whole dump with the programs that would restore it. ``Aborted`` if it is not as expected."""
    with progress.step("read the dump to its end"):
        return _verify(tools, path, expected)


def _verify(tools: Tools, path: Path, expected: Expected) -> Verified:
    size, sha256 = path.stat().st_size, _digest(path)
    if expected.sha256 and sha256 != expected.sha256:
        raise unfit(path, "it has changed since it was verified (sha256)")
    listed = bytearray()
    ran = tools.run(dump_commands.listing(size), listed.extend, chunks(path))
    if ran.code:
        raise unfit(path, f"pg_restore --list {ran.how}")
    contents = parse_listing(listed.decode(errors="replace"))
    if why := misfit(contents, expected):
        raise unfit(path, why)
    ran = tools.run(dump_commands.reading(size), _drop, chunks(path), PATIENCE)
    if ran.code:
        raise unfit(path, f"it cannot be read to its end: pg_restore {ran.how}")
    return Verified(contents, size, sha256, _revisions(tools, path, size, contents, expected.table))


def misfit(contents: Contents, expected: Expected) -> str:
    """The reason why a dump with these contents is not as expected; empty if it is."""
    if not contents.entries and not expected.is_empty:
        return "its table of contents is empty"
    if contents.database != expected.database:
        return f"it is of the database {contents.database!r}, not of {expected.database!r}"
    if expected.server and contents.server != expected.server:
        return f"it comes from PostgreSQL {contents.server}, but the server is {expected.server}"
    if expected.newest and major(contents.server) > expected.newest:
        return f"it comes from PostgreSQL {contents.server}, but the server is older: {expected.newest}"
    if expected.has_table is not None and contents.has_rows_of(*expected.table) != expected.has_table:
        name = ".".join(expected.table)
        return f"the rows of {name} are missing" if expected.has_table else f"{name} was created meanwhile"
    return ""


def unfit(path: Path, why: str) -> Aborted:
    """The error for an unacceptable dump."""
    return Aborted(f"this dump is not acceptable: {why}", at=Location(str(path)))


def chunks(path: Path) -> Iterator[bytes]:
    """The file, piece by piece. ``Aborted`` if it cannot be read."""
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece
    except OSError as error:
        raise Aborted(f"this dump cannot be read: {error.strerror}", at=Location(str(path))) from None


def _digest(path: Path) -> str:
    """The file's SHA-256. ``Aborted`` if it is not a dump."""
    digest = hashlib.sha256()
    first = b""
    for piece in chunks(path):
        first = first or piece[: len(_MAGIC)]
        digest.update(piece)
    if first != _MAGIC:
        raise unfit(path, "it is not a dump in PostgreSQL's custom format (pg_dump -Fc)")
    return digest.hexdigest()


def _revisions(tools: Tools, path: Path, size: int, contents: Contents, table: tuple[str, str]) -> tuple[str, ...]:
    schema, name = table
    if not contents.has_rows_of(schema, name):
        return ()
    text = bytearray()
    ran = tools.run(dump_commands.rows(size, schema, name), text.extend, chunks(path))
    if ran.code:
        raise unfit(path, f"the rows of {schema}.{name} cannot be read: pg_restore {ran.how}")
    return parse_rows(text.decode(errors="replace"))


def _drop(data: bytes) -> None:
    """Discard standard output."""
