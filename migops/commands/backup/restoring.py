"""Restoring a backup: into a database of its own first, where it is checked; then the two change names."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from migops.commands.backup import database_facts, external_sessions, manifest, statements
from migops.commands.backup.clients import Usage
from migops.commands.backup.contents import major
from migops.commands.backup.external_sessions import Container
from migops.commands.backup.identify import identify
from migops.commands.backup.identity import Compared, Relation, compare
from migops.commands.backup.loading import load
from migops.commands.backup.maintenance import Maintenance, maintenance
from migops.commands.backup.manifest import Manifest
from migops.commands.backup.source import Source, tools
from migops.commands.backup.statements import Properties
from migops.commands.backup.swap import Swap, Swapped
from migops.commands.backup.verify import Expected, Verified, verify
from migops.core.errors import Aborted, MigopsError, NoVerdict
from migops.core.model import Location, Unknown
from migops.database import direct
from migops.database.postgres.session import open_session
from migops.docker import Engine
from migops.sources.database import read
from migops.sources.database_state import DatabaseState
from migops.state.journal import Journal
from migops.state.process import ourselves
from migops.state.signals import unhurried
from migops.target import Target

LOCK_WAIT = 3.0  # seconds
_ANALYZE = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Restore:
    """What is to be restored, and what that would do.

    ``properties`` are those of the database that is there, None where there is none, and ``state`` what it says of its
    revisions. ``new`` is the database that the dump goes into, ``old`` the name under which the one that is there is
    kept. ``stopping`` are the containers that stop meanwhile, ``unsure`` the services that run, are not stopped, and
    may use the database; ``strangers`` are other sessions, which are ended. ``origin`` is how the database that the
    backup was taken from relates to this one.
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
    strangers: tuple[str, ...]
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
    ``NoVerdict`` that the server cannot be asked.
    """
    project = target.model
    if project is None:
        raise MigopsError("a restore needs a compose file: the services that use the database stop meanwhile")
    known = manifest.read(path)
    schema, _, name = known.version_table.rpartition(".") if known else ("", "", "")
    table = (schema or source.reached.table.schema or "public", name or source.reached.table.name)
    with maintenance(source.reached.url, _label("restore")) as server:
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
        statements.beside(source.database, "restore", stamp), statements.beside(source.database, "old", stamp),
        found.stopping, external_sessions.strangers(engine, project.name, sessions), timeout, origin, found.unsure,
    )  # fmt: skip


def _refused(path: Path, source: Source, origin: Compared, target: Target) -> Aborted:
    listing = target.commands.say("backup", "--list")
    return Aborted(
        f"this backup is of another database than {source.service}'s {source.database}: {'; '.join(origin.why)}",
        at=Location(str(path)),
        hint="if you do mean this backup: --foreign, and you are asked for the database's name "
        f"(for scripts: --foreign --confirm {shlex.quote(source.database)}); `{listing}` shows what there is",
    )


def carry_out(engine: Engine, planned: Restore, log: Journal, confirm: Callable[[], bool]) -> Swapped:
    """Restore, check, ask ``confirm``, and change the names.

    ``Locked`` where another run is at work on the database; ``Aborted`` where nothing was changed (the dump could not
    be restored, or no was said); ``Failed`` where all was put back as it was; ``Operator`` where that failed.
    """
    reached = planned.source.reached
    with ExitStack() as held:
        release = held.enter_context(ExitStack())
        if planned.properties is not None:
            session = release.enter_context(
                open_session(reached.url, table=reached.table.name, schema=reached.table.schema,
                             timeout=planned.timeout, label="migops restore")
            )  # fmt: skip
            session.lock(LOCK_WAIT)
        created = False
        try:
            server = held.enter_context(maintenance(reached.url, _label("restore")))
            log.note(
                "restore", "started", path=str(planned.path), database=planned.new, of=planned.database,
                server=planned.source.at, origin=planned.origin.relation.value,
            )  # fmt: skip
            with unhurried():
                server.run(statements.create(planned.new, planned.properties))
                created = True
            oid = _restore(engine, planned, server, log)
            if not confirm():
                raise Aborted("nothing was changed: it was not confirmed", hint="--yes asks nothing")  # noqa: TRY301
            if planned.properties is not None:
                session.check()
            log.note("restore", "confirmed")
        except BaseException as error:
            if created:  # else one of that name would not be ours
                _drop(planned, log)
            if isinstance(error, NoVerdict):
                raise Aborted(f"nothing was changed: {error.message}", hint=error.hint) from None
            raise
        return Swap(engine, planned, log, oid, release.close).run()


def _restore(engine: Engine, planned: Restore, server: Maintenance, log: Journal) -> int:
    """Restore into the new database and check it there; its number."""
    with tools(engine, planned.source) as programs:
        load(programs, planned.new, planned.path)
    if planned.properties is not None:
        server.run(*statements.carry_over(planned.new, planned.properties))
    made = server.properties(planned.new)
    _check(planned)
    log.note("restore", "done", tables=len(planned.verified.contents.tables), revisions=planned.verified.revisions)
    if made is None:
        raise Aborted(f"the database {planned.new} has gone")
    return made.oid


def _check(planned: Restore) -> None:
    """See that all tables and the revisions of the dump are in the new database; gather its statistics too."""
    reached = planned.source.reached
    there = replace(reached, url=reached.url.of(planned.new))
    tables = database_facts.read(there, planned.timeout).tables
    wanted = len(planned.verified.contents.tables)
    if tables != wanted:
        raise Aborted(f"the restored database has {tables} tables, and the dump has {wanted}")
    with direct(there.url, timeout=_ANALYZE, name=_label("restore")) as connection:
        if planned.verified.contents.has_rows_of(*planned.table):
            name = ".".join(map(statements.identifier, planned.table))
            found = connection.execute(f"SELECT version_num FROM {name}".encode()).fetchall()  # noqa: S608 - quoted
            rows = tuple(sorted(str(number) for (number,) in found))
            if rows != planned.verified.revisions:
                raise Aborted(f"the restored database is at {rows}, and the dump at {planned.verified.revisions}")
        connection.execute("ANALYZE")  # a dump has no statistics, without which every query is slow for hours


def _drop(planned: Restore, log: Journal) -> None:
    """Remove the new database, of which nobody knows yet. Where that fails, the next run tells of it."""
    with unhurried(), suppress(MigopsError), maintenance(planned.source.reached.url, _label("restore")) as server:
        if server.properties(planned.new) is not None:
            server.run(
                statements.close(planned.new), statements.end_sessions(planned.new), statements.drop(planned.new)
            )
        log.note("restore", "undone", database=planned.new)


def _label(what: str) -> str:
    who = ourselves()
    return f"migops {what} {who.pid}@{who.host}"
