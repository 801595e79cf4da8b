"""The manifest of a backup: a JSON file beside the dump."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from migops import __version__
from migops.commands.backup import identity as identities
from migops.commands.backup.identity import Identity
from migops.core.errors import MigopsError
from migops.core.model import Location

SCHEMA = 2
"""Version 1 (migops 0.1.0) has no ``identity``. migops 0.1.0 cannot read version 2 and ignores such backups."""
_READ = (1, 2)
SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup that was verified when it was taken."""

    project: str
    service: str
    database: str
    url: str
    """The database's URL without the password."""
    server: str
    """The server's version, in PostgreSQL's words."""
    version_table: str
    """``SCHEMA.NAME``; empty if there was none."""
    revisions: tuple[str, ...]
    """The version table's rows in the dump."""
    tables: int
    size: int
    """Bytes of the dump."""
    sha256: str
    """Digest of the dump."""
    database_size: int
    """Bytes of the database on the server's disk."""
    taken_at: datetime
    """The beginning of the dump."""
    seconds: float
    """Duration of dump and verification."""
    migops: str = __version__
    """The version that took the backup."""
    identity: Identity | None = None
    """The database's identity; None if unknown."""

    def record(self) -> dict[str, Any]:
        """The JSON object in the file."""
        return {
            "schema": SCHEMA,
            "migops": self.migops,
            "project": self.project,
            "service": self.service,
            "database": self.database,
            "url": self.url,
            "server": self.server,
            "version_table": self.version_table or None,
            "revisions": list(self.revisions),
            "tables": self.tables,
            "size": self.size,
            "sha256": self.sha256,
            "database_size": self.database_size,
            "taken_at": self.taken_at.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "identity": self.identity.record() if self.identity else None,
        }


def parse(record: Mapping[str, Any]) -> Manifest:
    """Parse the object of ``Manifest.record``. ValueError for anything else."""
    try:
        if record["schema"] not in _READ:
            raise ValueError(
                f"its schema is {record['schema']!r}, but this migops reads {' and '.join(map(str, _READ))}"
            )
        known = record["identity"] if record["schema"] > 1 else None
        return Manifest(
            project=str(record["project"]),
            service=str(record["service"]),
            database=str(record["database"]),
            url=str(record["url"]),
            server=str(record["server"]),
            version_table=str(record["version_table"] or ""),
            revisions=tuple(str(each) for each in record["revisions"]),
            tables=int(record["tables"]),
            size=int(record["size"]),
            sha256=str(record["sha256"]),
            database_size=int(record["database_size"]),
            taken_at=datetime.fromisoformat(str(record["taken_at"])),
            seconds=float(record["seconds"]),
            migops=str(record["migops"]),
            identity=identities.parse(known) if known is not None else None,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"a key is missing or invalid: {error}") from None


def beside(dump: Path) -> Path:
    """The path of a dump's manifest."""
    return dump.with_name(dump.name + SUFFIX)


def read(dump: Path) -> Manifest | None:
    """The manifest of a dump; None if it has none. MigopsError if it cannot be read."""
    path = beside(dump)
    try:
        record = json.loads(path.read_bytes())
        return parse(record if isinstance(record, dict) else {})
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise MigopsError(f"this backup's manifest cannot be read: {error}", at=Location(str(path))) from None
