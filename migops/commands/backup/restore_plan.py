"""The plan of a restore: verifies the dump and compares it with the database, and changes nothing."""

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
    """A verified backup and the steps of its restore."""

    source: Source
    path: Path
    """The dump."""
    manifest: Manifest | None
    verified: Verified
    table: tuple[str, str]
    """Schema and name of the version table."""
    properties: Properties | None
    """Those of the current database; None if there is none."""
    state: DatabaseState | Unknown
    """The current database's revisions."""
    new: str
    """The database that the dump is restored into."""
    old: str
    """The name under which the current database is kept."""
    stopping: tuple[Container, ...]
    """The containers that stop during the swap."""
    external_sessions: tuple[str, ...]
    """Other sessions, which are ended."""
    timeout: float
    """Seconds for each query."""
    origin: Compared
    """The relation of the backup's database to the current one."""
    unsure: tuple[Usage, ...] = ()
    """Running services that may use the database and are not stopped."""

    @property
    def database(self) -> str:
        """The database's name."""
        return self.source.database

    @property
    def needs_name(self) -> bool:
        """True if the user must type the database's name, since the backup may be of another database."""
        return self.origin.relation is not Relation.SAME

    @property
    def services(self) -> tuple[str, ...]:
        """The services that stop during the swap."""
        return tuple(dict.fromkeys(each.service for each in self.stopping))


def prepare(
    engine: Engine, source: Source, target: Target, path: Path, timeout: float, *, foreign: bool = False
) -> Restore:
    """Check that the dump is complete and of this database, and plan its restore. Nothing is changed.

    ``foreign`` allows a backup of another server or project. Raises ``Aborted`` if the dump is not acceptable,
    ``Unavailable`` if the server does not answer.
    """
    project = target.model
    if project is None:
        raise MigopsError("a restore needs a compose file, to stop the services that use the database")
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
    clients = external_sessions.clients(engine, source, target, project, addresses)
    return Restore(
        source, path, known, verified, table, properties, read(source.reached, timeout),
        swap_statements.beside(source.database, "restore", stamp),
        swap_statements.beside(source.database, "old", stamp),
        clients.stopping, external_sessions.others(engine, project.name, sessions), timeout, origin, clients.unsure,
    )  # fmt: skip


def _refused(path: Path, source: Source, origin: Compared, target: Target) -> Aborted:
    listing = target.commands.say("backup", "--list")
    return Aborted(
        f"this backup is of another database than {source.service}'s {source.database}: {'; '.join(origin.why)}",
        at=Location(str(path)),
        hint="if this is the right backup, add --foreign, and migops asks for the database's name "
        f"(in scripts: --foreign --confirm {shlex.quote(source.database)}); `{listing}` lists the backups",
    )


def label(what: str) -> str:
    """The ``application_name`` of migops's sessions, with the process that they belong to."""
    who = ourselves()
    return f"migops {what} {who.pid}@{who.host}"
