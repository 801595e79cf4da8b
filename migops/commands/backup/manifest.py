"""What is known of a backup, in a JSON file beside it."""

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
"""Version 1, of migops 0.1.0, has no ``identity``. migops 0.1.0 reads no version 2, and leaves such a backup alone."""
_READ = (1, 2)
SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup that was verified when it was taken.

    ``server`` is the version as PostgreSQL says it. ``version_table`` is ``SCHEMA.NAME``, '' where there was none;
    ``revisions`` are its rows *in the dump*. ``size`` and ``sha256`` are the dump's; ``database_size`` is what the
    database took on its disk (bytes). ``taken_at`` is when the dump began. ``identity`` says
    which server's database it is; None where that is not known.
    """

    project: str
    service: str
    database: str
    url: str
    server: str
    version_table: str
    revisions: tuple[str, ...]
    tables: int
    size: int
    sha256: str
    database_size: int
    taken_at: datetime
    seconds: float
    migops: str = __version__
    identity: Identity | None = None

    def record(self) -> dict[str, Any]:
        """As it is written to the file."""
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
    """Read what ``Manifest.record`` gave. ValueError for anything else."""
    try:
        if record["schema"] not in _READ:
            raise ValueError(
                f"its schema is {record['schema']!r}, and this migops reads {' and '.join(map(str, _READ))}"
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
        raise ValueError(f"it lacks or misspells {error}") from None


def beside(dump: Path) -> Path:
    """Where the manifest of a dump is."""
    return dump.with_name(dump.name + SUFFIX)


def read(dump: Path) -> Manifest | None:
    """The manifest of a dump; None where it has none. MigopsError for one that cannot be read."""
    path = beside(dump)
    try:
        record = json.loads(path.read_bytes())
        return parse(record if isinstance(record, dict) else {})
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise MigopsError(f"this backup's manifest cannot be read: {error}", at=Location(str(path))) from None
