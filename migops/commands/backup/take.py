"""Taking a backup: a dump, streamed to our disk, verified there, and only then called one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from migops.commands.backup import store
from migops.commands.backup.database_facts import Facts, read
from migops.commands.backup.identify import identify
from migops.commands.backup.identity import Identity, is_same
from migops.commands.backup.manifest import Manifest
from migops.commands.backup.orphaned_dumps import end_orphans, end_ours
from migops.commands.backup.source import Source, tools
from migops.commands.backup.store import Backup
from migops.commands.backup.verify import Expected, Verified, verify
from migops.core.errors import Aborted, Unavailable
from migops.core.model import Location
from migops.database.postgres import dump_commands
from migops.database.postgres.tools import Tools
from migops.docker import Engine

ROOM = 1.0
"""How much room a backup must find at least, as a multiple of what the database takes on its server's disk."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``room``: see ``ROOM``, 0 does not look. ``keep`` and ``days``: see ``store.expired``. ``timeout`` in seconds."""

    room: float = ROOM
    keep: int = 10
    days: float | None = None
    timeout: float = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a backup would do: dump this database (``facts``) into ``folder``, which has ``free`` bytes left."""

    source: Source
    facts: Facts
    identity: Identity
    folder: Path
    free: int
    policy: Policy


@dataclass(frozen=True, slots=True)
class Pruned:
    """What retention did: the backups that it removed, and how many of the same database name it does not count.

    Those are of other servers, or it is not known of which. ``unknown`` is the reason why this server itself cannot be
    told from another one: then every backup is spared, the new one among them.
    """

    removed: tuple[Backup, ...]
    spared: int
    unknown: str | None = None


def plan(engine: Engine, source: Source, state: Path, policy: Policy) -> Plan:
    """See that a backup can be taken. ``state`` is the project's state folder.

    ``Aborted`` where the database does not answer, or there is too little room.
    """
    where = store.folder(state)
    try:
        facts = read(source.reached, policy.timeout)
        identity = identify(engine, source, policy.timeout)
    except Unavailable as error:
        raise Aborted(f"no backup was taken: {error.message}", hint=error.hint) from None
    planned = Plan(source, facts, identity, where, store.free(where), policy)
    if why := short_of_room(planned):
        raise Aborted(
            why, at=Location(str(where)),
            hint="make room there, or name another state folder: XDG_STATE_HOME=DIR; most dumps are far smaller than "
            "their database: --room 0.3 asks for less",
        )  # fmt: skip
    return planned


def short_of_room(planned: Plan) -> str:
    """Why there is too little room, in a sentence; '' where there is enough."""
    needed = int(planned.facts.size * planned.policy.room)
    if planned.free >= needed:
        return ""
    return (
        f"the database takes {planned.facts.size:,} bytes, {needed:,} should be free for its backup, "
        f"and {planned.free:,} are"
    )


def take(engine: Engine, planned: Plan) -> Backup:
    """Dump the database, verify the dump and keep it. Whatever goes wrong is ``Aborted``, and leaves nothing behind."""
    where = planned.folder
    now, began = datetime.now(timezone.utc), time.monotonic()
    try:
        store.sweep(where, planned.identity)
        path = store.new_path(where, planned.facts.database, now)
        with tools(engine, planned.source) as programs, store.partial(path, planned.identity) as file:
            end_orphans(planned.source, planned.policy.timeout)
            with _ended_with_us(planned):
                _dump(programs, file)
            verified = verify(programs, store.half(path, planned.identity), _expected(planned))
            manifest = _manifest(planned, verified, now, time.monotonic() - began)
            store.accept(path, manifest, planned.identity)
    except Unavailable as error:
        raise Aborted(f"no backup was taken: {error.message}", hint=error.hint) from None
    except OSError as error:
        raise Aborted(f"no backup was taken: {error.strerror}", at=Location(str(where))) from None
    return Backup(path, manifest)


def prune(planned: Plan) -> Pruned:
    """Remove the backups of this very database that are too many or too old. Others of its name are left alone."""
    policy = planned.policy
    found = store.backups(planned.folder)
    gone = store.expired(found, planned.identity, policy.keep, policy.days, datetime.now(timezone.utc))
    for each in gone:
        store.remove(each)
    namesakes = [each.manifest for each in found if each.manifest and each.manifest.database == planned.facts.database]
    spared = sum(not is_same(each.identity, planned.identity) for each in namesakes)
    return Pruned(tuple(gone), spared, planned.identity.unknown)


def _dump(programs: Tools, file: BinaryIO) -> None:
    ran = programs.run(dump_commands.dump(), file.write)
    if ran.code:
        raise Aborted(f"no backup was taken: pg_dump in {programs.name} {ran.how}", hint=_hint(ran.said))
    file.flush()
    os.fsync(file.fileno())


def _manifest(planned: Plan, verified: Verified, taken_at: datetime, seconds: float) -> Manifest:
    source, facts = planned.source, planned.facts
    return Manifest(
        project=source.project,
        service=source.service,
        database=facts.database,
        url=source.reached.named.shown,
        server=facts.server,
        version_table=f"{facts.schema}.{source.reached.table.name}" if facts.schema else "",
        revisions=verified.revisions,
        tables=len(verified.contents.tables),
        size=verified.size,
        sha256=verified.sha256,
        database_size=facts.size,
        taken_at=taken_at,
        seconds=seconds,
        identity=planned.identity,
    )


def _hint(said: str) -> str:
    if "permission denied" in said:
        return "the application's user may not read all of the database; a backup needs one that may"
    if "lock" in said and "timeout" in said:
        return "someone holds a lock on a table: a migration that runs, or a session that was left open"
    return ""


def _expected(planned: Plan) -> Expected:
    facts, table = planned.facts, planned.source.reached.table
    schema = facts.schema or table.schema or "public"
    return Expected(
        database=facts.database, table=(schema, table.name), server=facts.server, has_table=bool(facts.schema),
        is_empty=not facts.tables,
    )  # fmt: skip


@contextmanager
def _ended_with_us(planned: Plan) -> Iterator[None]:
    """Where the ``with`` is left early, the engine lets pg_dump go on for nobody: its session is ended then."""
    try:
        yield
    except BaseException:
        with suppress(Unavailable):
            end_ours(planned.source, planned.policy.timeout)
        raise
