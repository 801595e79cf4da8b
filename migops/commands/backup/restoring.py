"""Restores a backup into a new database, checks it, and swaps its name with the current database's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace

from migops.commands.backup import database_facts
from migops.commands.backup.loading import load
from migops.commands.backup.restore_plan import Restore, label
from migops.commands.backup.source import tools
from migops.commands.backup.swap import Swap, Swapped
from migops.core import progress
from migops.core.errors import Aborted, MigopsError, Unavailable
from migops.database.postgres import swap_statements
from migops.database.postgres.direct import direct
from migops.database.postgres.maintenance import Maintenance, maintenance
from migops.database.postgres.session import open_session
from migops.docker import Engine
from migops.state.journal import Journal
from migops.state.signals import unhurried

LOCK_WAIT = 3.0  # seconds
_ANALYZE = 3600.0  # seconds


def carry_out(engine: Engine, planned: Restore, log: Journal, confirm: Callable[[], bool]) -> Swapped:
    """Restore, check, call ``confirm``, and swap the names.

    Raises ``Locked`` if another run is working on the database; ``Aborted`` if nothing was changed (the restore failed
    or was not confirmed); ``Failed`` if everything was undone; ``ManualActionRequired`` if undoing failed.
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
            server = held.enter_context(maintenance(reached.url, label("restore")))
            log.note(
                "restore", "started", path=str(planned.path), database=planned.new, of=planned.database,
                server=planned.source.at, origin=planned.origin.relation.value,
            )  # fmt: skip
            with unhurried():
                server.run(swap_statements.create(planned.new, planned.properties))
                created = True
            oid = _restore(engine, planned, server, log)
            if not confirm():
                raise Aborted("not confirmed; nothing was changed", hint="--yes confirms in advance")  # noqa: TRY301
            if planned.properties is not None:
                session.check()
            log.note("restore", "confirmed")
        except BaseException as error:
            if created:  # otherwise a database of that name is not ours to drop
                _drop(planned, log)
            if isinstance(error, Unavailable):
                raise Aborted(f"nothing was changed: {error.message}", hint=error.hint) from None
            raise
        with progress.step("stop the services, swap the names, start the services"):
            return Swap(engine, planned, log, oid, release.close).run()


def _restore(engine: Engine, planned: Restore, server: Maintenance, log: Journal) -> int:
    """Restore into the new database and check it there; return its OID."""
    with tools(engine, planned.source) as programs:
        load(programs, planned.new, planned.path)
    if planned.properties is not None:
        server.run(*swap_statements.carry_over(planned.new, planned.properties))
    made = server.properties(planned.new)
    with progress.step("check the restored database, and collect its statistics"):
        _check(planned)
    log.note("restore", "done", tables=len(planned.verified.contents.tables), revisions=planned.verified.revisions)
    if made is None:
        raise Aborted(f"the database {planned.new} was dropped by someone else")
    return made.oid


def _check(planned: Restore) -> None:
    """Check that the new database has the dump's tables and revisions, and collect its statistics."""
    reached = planned.source.reached
    there = replace(reached, url=reached.url.of(planned.new))
    tables = database_facts.read(there, planned.timeout).tables
    wanted = len(planned.verified.contents.tables)
    if tables != wanted:
        raise Aborted(f"the restored database has {tables} tables, but the dump has {wanted}")
    with direct(there.url, timeout=_ANALYZE, name=label("restore")) as connection:
        if planned.verified.contents.has_rows_of(*planned.table):
            name = ".".join(map(swap_statements.identifier, planned.table))
            result = connection.execute(f"SELECT version_num FROM {name}".encode()).fetchall()  # noqa: S608 - quoted
            rows = tuple(sorted(str(number) for (number,) in result))
            if rows != planned.verified.revisions:
                raise Aborted(f"the restored database is at {rows}, but the dump is at {planned.verified.revisions}")
        connection.execute("ANALYZE")  # a dump has no statistics, and queries are slow without them


def _drop(planned: Restore, log: Journal) -> None:
    """Drop the new database, which nothing uses yet. If that fails, the next run reports it."""
    with unhurried(), suppress(MigopsError), maintenance(planned.source.reached.url, label("restore")) as server:
        if server.properties(planned.new) is not None:
            server.run(
                swap_statements.close(planned.new),
                swap_statements.end_sessions(planned.new),
                swap_statements.drop(planned.new),
            )
        log.note("restore", "undone", database=planned.new)
