"""The identity of a database, recorded with its backups: names alone do not distinguish two servers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of a database on its server."""

    system: str | None
    """``pg_control_system().system_identifier``: created by initdb, the same in replicas and copies of the files."""
    engine: str
    """The Docker Engine's ID."""
    project: str
    """The compose project."""
    server: str | None
    """The server's compose service; None for a server outside of the project."""
    volume: str | None
    """The volume's name or the host's path of the data; None if the data is in the container itself."""
    host: str | None
    """The host of a server outside of the project."""
    port: int | None
    database: str
    system_unknown: str | None = None
    """The reason why ``system`` could not be read; nothing is guessed then."""
    volume_unknown: str | None = None
    """The reason why ``volume`` could not be read."""

    @property
    def unknown(self) -> str | None:
        """The reason why the server cannot be distinguished from another one at the same place; None if it can."""
        return self.system_unknown or self.volume_unknown

    @property
    def place(self) -> str:
        """The server's place, for a sentence."""
        if self.server is None:
            return f"{self.host}:{self.port}"
        if self.volume_unknown:
            return f"{self.server} (volume unknown)"
        if self.volume is None:
            return f"{self.server} (without a volume)"
        return f"{self.server} (volume {_short(self.volume)})"

    @property
    def mark(self) -> str:
        """A short digest of the identity for file names."""
        return hashlib.sha256(json.dumps(self.record(), sort_keys=True).encode()).hexdigest()[:12]

    def record(self) -> dict[str, Any]:
        """The JSON object in the manifest."""
        return {
            "system_identifier": self.system,
            "system_identifier_unknown": self.system_unknown,
            "engine": self.engine,
            "project": self.project,
            "server": self.server,
            "volume": self.volume,
            "volume_unknown": self.volume_unknown,
            "host": self.host,
            "port": self.port,
            "database": self.database,
        }


def parse(record: object) -> Identity:
    """Parse the object of ``Identity.record``. KeyError or TypeError for anything else."""
    if not isinstance(record, Mapping):
        raise TypeError("identity")
    system, why = _text(record, "system_identifier"), _text(record, "system_identifier_unknown")
    return Identity(
        system, str(record["engine"]), str(record["project"]), _text(record, "server"), _text(record, "volume"),
        _text(record, "host"), None if record["port"] is None else int(record["port"]), str(record["database"]),
        why or (None if system else "its manifest gives no reason"), _text(record, "volume_unknown"),
    )  # fmt: skip


def _text(record: Mapping[str, Any], key: str) -> str | None:
    return None if record[key] is None else str(record[key])


class Relation(Enum):
    """The relation of a backup's database to the current one."""

    SAME = "same"
    """The same database of the same server."""
    RECREATED = "recreated"
    """The same place, but the server was recreated."""
    UNPROVED = "unproved"
    """The same place; whether the server is the same is unknown."""
    FOREIGN = "foreign"
    """Another place."""
    UNIDENTIFIED = "unidentified"
    """The backup has no identity: it was created by migops 0.1.0 or by another program."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The result of ``compare``."""

    relation: Relation
    why: tuple[str, ...] = ()
    """The differences or reasons, each a part of a sentence."""


def compare(backup: Identity | None, here: Identity) -> Compared:
    """Compare a backup's identity with the current database's."""
    if backup is None:
        return Compared(Relation.UNIDENTIFIED, ("the backup does not record which server it was taken from",))
    differing = tuple(_differences(backup, here))
    if differing:
        return Compared(Relation.FOREIGN, differing)
    if unknown := tuple(_unknown(backup, here)):
        return Compared(Relation.UNPROVED, unknown)
    if recreated := tuple(_recreated(backup, here)):
        return Compared(Relation.RECREATED, recreated)
    return Compared(Relation.SAME)


def is_same(one: Identity | None, other: Identity | None) -> bool:
    """True if both are known to be the same database of the same server, so that retention counts them together."""
    return one is not None and other is not None and one == other and one.unknown is None


def _differences(backup: Identity, here: Identity) -> list[str]:
    """The differences between two places. Volumes are compared by name, unless both are anonymous or one is unknown."""
    pairs: list[tuple[str, object, object]] = [
        ("Docker Engine", backup.engine, here.engine),
        ("compose project", backup.project, here.project),
        ("server", backup.server or f"{backup.host}:{backup.port}", here.server or f"{here.host}:{here.port}"),
        ("database", backup.database, here.database),
    ]
    comparable = not (backup.volume_unknown or here.volume_unknown)
    if comparable and not (_is_anonymous(backup.volume) and _is_anonymous(here.volume)):
        pairs.append(("volume", _short(backup.volume or "none"), _short(here.volume or "none")))
    return [f"{kind} {then}, here {now}" for kind, then, now in pairs if then != now]


def _unknown(backup: Identity, here: Identity) -> list[str]:
    if backup.system is not None and here.system is not None and backup.system != here.system:
        return []  # another server, whatever else is unknown
    reasons = [f"of the backup: {backup.unknown}"] if backup.unknown else []
    return [*reasons, f"here: {here.unknown}"] if here.unknown else reasons


def _recreated(backup: Identity, here: Identity) -> list[str]:
    differences = []
    if backup.system != here.system:
        differences.append(f"system identifier {backup.system}, here {here.system}")
    if not (backup.volume_unknown or here.volume_unknown) and backup.volume != here.volume:
        differences.append(f"anonymous volume {_short(backup.volume or '')}, here {_short(here.volume or '')}")
    return differences


def _is_anonymous(volume: str | None) -> bool:
    return volume is not None and len(volume) == 64 and all(each in "0123456789abcdef" for each in volume)


def _short(volume: str) -> str:
    return f"{volume[:12]}, anonymous" if _is_anonymous(volume) else volume
