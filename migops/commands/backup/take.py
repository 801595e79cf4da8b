"""Takes a backup: streams a dump to this machine's disk, verifies it, and only then accepts it."""

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
from migops.commands.backup.database_facts import DatabaseFacts, read
from migops.commands.backup.identify import identify
from migops.commands.backup.identity import Identity, is_same
from migops.commands.backup.manifest import Manifest
from migops.commands.backup.orphaned_dumps import end_orphans, end_ours
from migops.commands.backup.source import Source, tools
from migops.commands.backup.store import Backup
from migops.commands.backup.verify import Expected, Verified, verify
from migops.core import progress
from migops.core.errors import Aborted, Unavailable
from migops.core.model import Location
from migops.database.postgres import dump_commands
from migops.database.postgres.tools import Tools
from migops.docker import Engine

ROOM = 1.0
"""Free space required for a backup, as a multiple of the database's size on its server's disk."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The user's options for a backup."""

    room: float = ROOM
    """See ``ROOM``; 0: do not check."""
    keep: int = 10
    """See ``store.expired``."""
    days: float | None = None
    """See ``store.expired``."""
    timeout: float = 20.0
    """Seconds for each query."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A backup to take."""

    source: Source
    facts: DatabaseFacts
    identity: Identity
    folder: Path
    """The backup folder."""
    free: int
    """Free bytes on its disk."""
    policy: Policy


@dataclass(frozen=True, slots=True)
class Pruned:
    """The result of retention."""

    removed: tuple[Backup, ...]
    spared: int
    """Number of backups of the same database name that retention ignores: their server is another or unknown."""
    unknown: str | None = None
    """The reason why this server cannot be distinguished from others; retention then deletes nothing."""


def plan(engine: Engine, source: Source, state: Path, policy: Policy) -> Plan:
    """Check that a backup is possible. ``state``: the project's state folder.

    ``Aborted`` if the database does not answer, or if there is too little free space.
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
            hint="free some space there, or set another state folder: XDG_STATE_HOME=DIR; most dumps are much smaller "
            "than their database: --room 0.3 requires less",
        )  # fmt: skip
    return planned


def short_of_room(planned: Plan) -> str:
    """The reason why there is too little free space; empty if there is enough."""
    needed = int(planned.facts.size * planned.policy.room)
    if planned.free >= needed:
        return ""
    return (
        f"the database takes {planned.facts.size:,} bytes, so {needed:,} should be free for its backup, "
        f"but only {planned.free:,} are"
    )


def take(engine: Engine, planned: Plan) -> Backup:
    """Dump the database, verify the dump and keep it. ``Aborted`` if anything fails; no file is left then."""
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
    """Delete the backups of this database that are too many or too old; same-named ones of other servers stay."""
    policy = planned.policy
    backups = store.backups(planned.folder)
    expired = store.expired(backups, planned.identity, policy.keep, policy.days, datetime.now(timezone.utc))
    for each in expired:
        store.remove(each)
    namesakes = [
        each.manifest for each in backups if each.manifest and each.manifest.database == planned.facts.database
    ]
    spared = sum(not is_same(each.identity, planned.identity) for each in namesakes)
    return Pruned(tuple(expired), spared, planned.identity.unknown)


def _dump(programs: Tools, file: BinaryIO) -> None:
    written = 0

    def write(data: bytes) -> None:
        nonlocal written
        written += file.write(data)
        progress.note(f"{written:,} bytes")

    with progress.step("dump the database"):
        ran = programs.run(dump_commands.dump(), write)
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


def _hint(errors: str) -> str:
    if "permission denied" in errors:
        return "the application's user may not read the whole database; use a user that may"
    if "lock" in errors and "timeout" in errors:
        return "another session holds a lock on a table: a running migration, or a session that was left open"
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
    """End pg_dump's session if the ``with`` ends early: the engine would keep the program running."""
    try:
        yield
    except BaseException:
        with suppress(Unavailable):
            end_ours(planned.source, planned.policy.timeout)
        raise
