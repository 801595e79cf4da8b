"""The identity of a backup: which database, on which server, it was taken from. Names alone do not tell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """Which database a dump comes from.

    ``system`` is the server's own number (``pg_control_system().system_identifier``: made by initdb, kept by restarts,
    replicas and copies of its files). ``engine`` is the Docker Engine's ID, ``project`` the compose project.
    A server of the project has its compose service in ``server``, and in ``volume`` the volume that holds its data:
    its real name, the host's path of a bind mount, or None where the data lies in the container itself. A server
    elsewhere has ``host`` and ``port`` instead. ``system_unknown`` and ``volume_unknown`` are the reasons why the
    value is None although there is one; nothing is guessed then.
    """

    system: str | None
    engine: str
    project: str
    server: str | None
    volume: str | None
    host: str | None
    port: int | None
    database: str
    system_unknown: str | None = None
    volume_unknown: str | None = None

    @property
    def unknown(self) -> str | None:
        """The reason why the server cannot be told from another one at the same place; None where it can."""
        return self.system_unknown or self.volume_unknown

    @property
    def place(self) -> str:
        """Where the server is, in words."""
        if self.server is None:
            return f"{self.host}:{self.port}"
        if self.volume_unknown:
            return f"{self.server} (volume unknown)"
        if self.volume is None:
            return f"{self.server} (without a volume)"
        return f"{self.server} (volume {_short(self.volume)})"

    @property
    def mark(self) -> str:
        """A few letters that stand for it in a file's name."""
        return hashlib.sha256(json.dumps(self.record(), sort_keys=True).encode()).hexdigest()[:12]

    def record(self) -> dict[str, Any]:
        """As it is written to the manifest."""
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
    """Read what ``Identity.record`` gave. KeyError or TypeError for anything else."""
    if not isinstance(record, Mapping):
        raise TypeError("identity")
    system, why = _text(record, "system_identifier"), _text(record, "system_identifier_unknown")
    return Identity(
        system, str(record["engine"]), str(record["project"]), _text(record, "server"), _text(record, "volume"),
        _text(record, "host"), None if record["port"] is None else int(record["port"]), str(record["database"]),
        why or (None if system else "its manifest does not say why"), _text(record, "volume_unknown"),
    )  # fmt: skip


def _text(record: Mapping[str, Any], key: str) -> str | None:
    return None if record[key] is None else str(record[key])


class Relation(Enum):
    """How the database that a backup comes from relates to the one that is here now."""

    SAME = "same"
    """It is the same database of the same server."""
    RECREATED = "recreated"
    """The same place, and another server: it was made again."""
    UNPROVED = "unproved"
    """The same place; whether it is the same server cannot be told."""
    FOREIGN = "foreign"
    """Another place."""
    UNIDENTIFIED = "unidentified"
    """The backup does not say where it comes from: migops 0.1.0, or another program, made it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The relation, and the differences or the reason in words, each a part of a sentence."""

    relation: Relation
    why: tuple[str, ...] = ()


def compare(backup: Identity | None, here: Identity) -> Compared:
    """How a backup's identity relates to the database that is here."""
    if backup is None:
        return Compared(Relation.UNIDENTIFIED, ("the backup does not say which server it was taken from",))
    differing = tuple(_differences(backup, here))
    if differing:
        return Compared(Relation.FOREIGN, differing)
    if unknown := tuple(_unknown(backup, here)):
        return Compared(Relation.UNPROVED, unknown)
    if remade := tuple(_remade(backup, here)):
        return Compared(Relation.RECREATED, remade)
    return Compared(Relation.SAME)


def is_same(one: Identity | None, other: Identity | None) -> bool:
    """Whether both are known to be the same database of the same server: what retention counts together."""
    return one is not None and other is not None and one == other and one.unknown is None


def _differences(backup: Identity, here: Identity) -> list[str]:
    """What of two places differs. An anonymous volume has no name that says anything, one that is unknown has none."""
    pairs: list[tuple[str, object, object]] = [
        ("Docker Engine", backup.engine, here.engine),
        ("compose project", backup.project, here.project),
        ("server", backup.server or f"{backup.host}:{backup.port}", here.server or f"{here.host}:{here.port}"),
        ("database", backup.database, here.database),
    ]
    comparable = not (backup.volume_unknown or here.volume_unknown)
    if comparable and not (_is_anonymous(backup.volume) and _is_anonymous(here.volume)):
        pairs.append(("volume", _short(backup.volume or "none"), _short(here.volume or "none")))
    return [f"{what} {then}, here {now}" for what, then, now in pairs if then != now]


def _unknown(backup: Identity, here: Identity) -> list[str]:
    if backup.system is not None and here.system is not None and backup.system != here.system:
        return []  # another server, whatever else is unknown
    found = [f"of the backup: {backup.unknown}"] if backup.unknown else []
    return [*found, f"here: {here.unknown}"] if here.unknown else found


def _remade(backup: Identity, here: Identity) -> list[str]:
    found = []
    if backup.system != here.system:
        found.append(f"system identifier {backup.system}, here {here.system}")
    if not (backup.volume_unknown or here.volume_unknown) and backup.volume != here.volume:
        found.append(f"anonymous volume {_short(backup.volume or '')}, here {_short(here.volume or '')}")
    return found


def _is_anonymous(volume: str | None) -> bool:
    return volume is not None and len(volume) == 64 and all(each in "0123456789abcdef" for each in volume)


def _short(volume: str) -> str:
    return f"{volume[:12]}, anonymous" if _is_anonymous(volume) else volume
