"""Restores a dump into an empty database, in one transaction."""

from __future__ import annotations

from pathlib import Path

from migops.commands.backup.verify import chunks
from migops.core import progress
from migops.core.errors import Aborted
from migops.database.postgres import dump_commands
from migops.database.postgres.tools import PATIENCE, Tools
from migops.docker import Engine


def restore_into(
    engine: Engine, container: str, user: str, database: str, path: Path, *, password: str = "", port: int = 5432
) -> None:
    """Restore a dump into the existing, empty ``database`` of the server in ``container``.

    For disposable servers: owners and privileges are left out, since such a server lacks the roles. ``Aborted`` if any
    statement fails; the database is still empty then.
    """
    variables = {
        "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": user, "PGPASSWORD": password,
        "PGAPPNAME": dump_commands.APPLICATION,
    }  # fmt: skip
    given = {name: value for name, value in variables.items() if value}
    load(Tools(engine, container, container[:40], given), database, path, owners=False)


def load(tools: Tools, database: str, path: Path, *, owners: bool = True) -> None:
    """Restore a dump into an empty database of the tools' server. ``Aborted`` if that fails."""
    words = dump_commands.restore(path.stat().st_size, database, owners=owners)
    with progress.step(f"restore {path.name}"):
        ran = tools.run(words, _drop, chunks(path), PATIENCE)
    if ran.code:
        raise Aborted(f"{path.name} could not be restored into {database}: pg_restore {ran.how}", hint=_hint(ran.said))


def _drop(data: bytes) -> None:
    """Discard standard output."""


def _hint(errors: str) -> str:
    if "No space left" in errors or "could not extend file" in errors:
        return "the server's disk is full: during a restore it needs space for the database twice"
    if "max_locks_per_transaction" in errors:
        return "the dump has too many tables for one transaction: raise the server's max_locks_per_transaction"
    if 'role "' in errors and "does not exist" in errors:
        return "create that role on the server first: a dump of one database does not contain roles"
    if "permission denied" in errors or "must be" in errors:
        return "the application's user may not create everything in the dump; use a user that may"
    return ""
