"""Restoring a dump into a database that is empty: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path

from migops.commands.backup.verify import chunks
from migops.core.errors import Aborted
from migops.database.postgres import dump_commands
from migops.database.postgres.tools import PATIENCE, Tools
from migops.docker import Engine


def restore_into(
    engine: Engine, container: str, user: str, database: str, path: Path, *, password: str = "", port: int = 5432
) -> None:
    """Restore a dump into ``database`` of the server that runs in ``container``; it must be there, and empty.

    For a server of our own, such as a throwaway one: owners and rights are left out, since it has not got the roles.
    ``Aborted`` where any statement of it failed: nothing is in it.
    """
    variables = {
        "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": user, "PGPASSWORD": password,
        "PGAPPNAME": dump_commands.APPLICATION,
    }  # fmt: skip
    given = {name: value for name, value in variables.items() if value}
    load(Tools(engine, container, container[:40], given), database, path, owners=False)


def load(tools: Tools, database: str, path: Path, *, owners: bool = True) -> None:
    """Restore a dump into an empty database of the server that the tools lead to. ``Aborted`` where that fails."""
    ran = tools.run(dump_commands.restore(path.stat().st_size, database, owners=owners), _drop, chunks(path), PATIENCE)
    if ran.code:
        raise Aborted(f"{path.name} could not be restored into {database}: pg_restore {ran.how}", hint=_hint(ran.said))


def _drop(data: bytes) -> None:
    """What it says on standard output: nothing that counts."""


def _hint(said: str) -> str:
    if "No space left" in said or "could not extend file" in said:
        return "the server's disk is full: for a while it has to hold the database twice"
    if "max_locks_per_transaction" in said:
        return "it has very many tables for one transaction: raise max_locks_per_transaction of the server"
    if 'role "' in said and "does not exist" in said:
        return "create that role on the server first: a dump of one database does not bring roles along"
    if "permission denied" in said or "must be" in said:
        return "the application's user may not make all that is in the dump; restoring needs one that may"
    return ""
