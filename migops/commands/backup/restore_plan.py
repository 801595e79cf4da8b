"""What a restore would do: the dump is verified and compared with the database; nothing is touched."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from migops.commands.backup import external_sessions, manifest
from migops.commands.backup.clients import Usage
from migops.commands.backup.contents import major
from migops.commands.backup.external_sessions import Container
from migops.commands.backup.identify import identify
from migops.commands.backup.identity import Compared, Relation, compare
from migops.commands.backup.manifest import Manifest
from migops.commands.backup.source import Source, tools
from migops.commands.backup.verify import Expected, Verified, verify
from migops.core.errors import Aborted, MigopsError
from migops.core.model import Location, Unknown
from migops.database.postgres import swap_statements
from migops.database.postgres.maintenance import maintenance
from migops.database.postgres.swap_statements import Properties
from migops.docker import Engine
from migops.sources.database import read
from migops.sources.database_state import DatabaseState
from migops.state.process import ourselves
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Restore:
    """What is to be restored, and what that would do.

    ``properties`` are those of the database that is there, None where there is none, and ``state`` what it says of its
    revisions. ``new`` is the database that the dump goes into, ``old`` the name under which the one that is there is
    kept. ``stopping`` are the containers that stop meanwhile, ``unsure`` the services that run, are not stopped, and
    may use the database; ``external_sessions`` are other sessions, which are ended. ``origin`` is how the database that
    the backup was taken from relates to this one.
    """

    source: Source
    path: Path
    manifest: Manifest | None
    verified: Verified
    table: tuple[str, str]
    properties: Properties | None
    state: DatabaseState | Unknown
    new: str
    old: str
    stopping: tuple[Container, ...]
    external_sessions: tuple[str, ...]
    timeout: float
    origin: Compared
    unsure: tuple[Usage, ...] = ()

    @property
    def database(self) -> str:
        return self.source.database

    @property
    def needs_name(self) -> bool:
        """Whether the database's name has to be typed: the backup is not known to be of this very database."""
        return self.origin.relation is not Relation.SAME

    @property
    def services(self) -> tuple[str, ...]:
        """The services that stop meanwhile."""
        return tuple(dict.fromkeys(each.service for each in self.stopping))


def prepare(
    engine: Engine, source: Source, target: Target, path: Path, timeout: float, *, foreign: bool = False
) -> Restore:
    """See that the dump is whole and of this database, and what stands in its way. Nothing is touched.

    ``foreign`` allows a backup of another server or project. ``Aborted`` says what is wrong with the dump;
    ``Unavailable`` that the server cannot be asked.
    """
    project = target.model
    if project is None:
        raise MigopsError("a restore needs a compose file: the services that use the database stop meanwhile")
    known = manifest.read(path)
    schema, _, name = known.version_table.rpartition(".") if known else ("", "", "")
    table = (schema or source.reached.table.schema or "public", name or source.reached.table.name)
    with maintenance(source.reached.url, label("restore")) as server:
        newest = major(str(server.connection.info.server_version // 10000))
        properties = server.properties(source.database)
        sessions = server.sessions(source.database)
    here = identify(engine, source, timeout, exists=properties is not None)
    origin = compare(known.identity if known else None, here)
    if origin.relation is Relation.FOREIGN and not foreign:
        raise _refused(path, source, origin, target)
    expected = Expected(
        source.database, table, newest=newest, sha256=known.sha256 if known else "",
        has_table=bool(known.version_table) if known else None, is_empty=bool(known and not known.tables),
    )  # fmt: skip
    with tools(engine, source) as programs:
        verified = verify(programs, path, expected)
    stamp = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}"
    addresses = {address for address, _ in sessions if address}
    found = external_sessions.clients(engine, source, target, project, addresses)
    return Restore(
        source, path, known, verified, table, properties, read(source.reached, timeout),
        swap_statements.beside(source.database, "restore", stamp),
        swap_statements.beside(source.database, "old", stamp),
        found.stopping, external_sessions.others(engine, project.name, sessions), timeout, origin, found.unsure,
    )  # fmt: skip


def _refused(path: Path, source: Source, origin: Compared, target: Target) -> Aborted:
    listing = target.commands.say("backup", "--list")
    return Aborted(
        f"this backup is of another database than {source.service}'s {source.database}: {'; '.join(origin.why)}",
        at=Location(str(path)),
        hint="if you do mean this backup: --foreign, and you are asked for the database's name "
        f"(for scripts: --foreign --confirm {shlex.quote(source.database)}); `{listing}` shows what there is",
    )


def label(what: str) -> str:
    """The ``application_name`` of a session of ours, by which others see who it is."""
    who = ourselves()
    return f"migops {what} {who.pid}@{who.host}"
