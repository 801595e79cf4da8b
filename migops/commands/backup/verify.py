"""Whether a dump is whole, and of the database that it should be of. It is read where it lies, on our disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migops.commands.backup.contents import Contents, major, parse_listing, parse_rows
from migops.core.errors import Aborted
from migops.core.model import Location
from migops.database.postgres import dump_commands
from migops.database.postgres.tools import PATIENCE, Tools

_CHUNK = 1 << 20
_MAGIC = b"PGDMP"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a dump must be.

    ``server`` is the version that it must come from, '' where any will do that is not newer than ``newest`` (a major
    number). ``table`` is the version table, schema and name ('' for the schema: whichever has it); ``has_table``
    whether its rows must be in the dump, None where nobody knows. ``sha256`` is '' where nobody knows. ``is_empty``
    allows that the dump lists nothing, because the database held nothing.
    """

    database: str
    table: tuple[str, str]
    server: str = ""
    newest: int = 0
    has_table: bool | None = None
    sha256: str = ""
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """A dump that is whole: what it holds, its size in bytes, its digest, and the rows of its version table."""

    contents: Contents
    size: int
    sha256: str
    revisions: tuple[str, ...]


def verify(tools: Tools, path: Path, expected: Expected) -> Verified:
    """Read the dump to its end, with the programs that would restore it. ``Aborted`` says what is wrong with it."""
    size, sha256 = path.stat().st_size, _digest(path)
    if expected.sha256 and sha256 != expected.sha256:
        raise unfit(path, "its bytes are not those that were verified when it was taken (sha256)")
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
    """Why a dump with this table of contents is not what it should be; '' where it is."""
    if not contents.entries and not expected.is_empty:
        return "its table of contents is empty"
    if contents.database != expected.database:
        return f"it is of the database {contents.database!r}, not of {expected.database!r}"
    if expected.server and contents.server != expected.server:
        return f"it comes from PostgreSQL {contents.server}, and the server says {expected.server}"
    if expected.newest and major(contents.server) > expected.newest:
        return f"it comes from PostgreSQL {contents.server}, and the server is older: {expected.newest}"
    if expected.has_table is not None and contents.has_rows_of(*expected.table) != expected.has_table:
        name = ".".join(expected.table)
        return f"the rows of {name} are missing in it" if expected.has_table else f"{name} has come up meanwhile"
    return ""


def unfit(path: Path, why: str) -> Aborted:
    """The error for a dump that does not count."""
    return Aborted(f"this dump is not accepted: {why}", at=Location(str(path)))


def chunks(path: Path) -> Iterator[bytes]:
    """The file, piece by piece. ``Aborted`` where the disk does not give it."""
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece
    except OSError as error:
        raise Aborted(f"this dump cannot be read: {error.strerror}", at=Location(str(path))) from None


def _digest(path: Path) -> str:
    """The file's digest, as it is read from the disk; ``Aborted`` for what is no dump at all."""
    digest = hashlib.sha256()
    first = b""
    for piece in chunks(path):
        first = first or piece[: len(_MAGIC)]
        digest.update(piece)
    if first != _MAGIC:
        raise unfit(path, "it is no dump in PostgreSQL's custom format (pg_dump -Fc)")
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
    """What is written to standard output while the file is read: nothing that counts."""
