"""Reading of a reachable database: its tables, and the rows of Alembic's version table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migops.core.errors import MigopsError
from migops.core.model import Unknown
from migops.database import DatabaseUrl, connect
from migops.database.postgres.catalogue import RELATIONS
from migops.migrations.version_table import VersionTable
from migops.sources.database_state import DatabaseState

if TYPE_CHECKING:
    from sqlalchemy import Connection

SERVERS = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mysql": "MySQL"}
"""Names of servers, by SQLAlchemy's name of the dialect."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A database that can be asked from here."""

    url: DatabaseUrl  # with the address from here
    named: DatabaseUrl  # as the service has it
    table: VersionTable
    origin: str  # the source of ``named``
    how: str  # a description of how the address was found

    def unknown(self, error: MigopsError) -> Unknown:
        """The reason why the database could not be asked."""
        at = f" at {self.how}" if self.how else ""
        return Unknown(f"{self.named.shown}{at}: {error.message} (URL: {self.origin})", error.hint)


def read(reached: Reached, timeout: float) -> DatabaseState | Unknown:
    """Ask a reachable database once, within ``timeout`` seconds."""
    try:
        with connect(reached.url, timeout=timeout) as connection:
            return _read(connection, reached)
    except MigopsError as error:
        return reached.unknown(error)


def _read(connection: Connection, reached: Reached) -> DatabaseState:
    from sqlalchemy import String, column, select
    from sqlalchemy import table as named

    dialect, table = connection.dialect, reached.table
    relations = arranged(_relations(connection, table), table)
    rows: list[str] = []
    if any(there and name == table.name for _, name, there in relations):
        wanted = select(column("version_num", String())).select_from(named(table.name, schema=table.schema or None))
        rows = [str(number) for (number,) in connection.execute(wanted)]
    version = ".".join(str(part) for part in dialect.server_version_info or ())
    server = f"{_server(connection)} {version}".strip()
    return state(reached, relations, rows, server, str(connection.engine.url.database or ""))


def state(
    reached: Reached, relations: Sequence[tuple[str, str, bool]], rows: Sequence[str], server: str, name: str
) -> DatabaseState:
    """The state from any reader's results: the tables as ``arranged`` returns them, and the version table's rows."""
    table = reached.table
    schemas = tuple(schema for schema, name, there in relations if there and name == table.name)
    return DatabaseState(
        rows=tuple(sorted(rows)),
        has_version_table=bool(schemas),
        tables=tuple(sorted(name for _, name, there in relations if there and name != table.name)),
        elsewhere=tuple(sorted(schema for schema, name, there in relations if not there and name == table.name)),
        version_table=str(table),
        schemas=schemas,
        server=server,
        name=name,
        url=reached.named.shown,
        origin=reached.origin,
        address=reached.how,
    )


def _server(connection: Connection) -> str:
    """The server's name. MariaDB is recognised even if the URL says mysql."""
    dialect = connection.dialect
    return "MariaDB" if getattr(dialect, "is_mariadb", False) else SERVERS.get(dialect.name, dialect.name)


def arranged(tables: Iterable[tuple[str, str, int | None]], table: VersionTable) -> list[tuple[str, str, bool]]:
    """Tables as (schema, name, True if in the version table's schema or on the search path).

    The third value of ``tables`` is the schema's position in the search path, None if it is not on it; the result is
    in that order. If the version table's schema is configured, only the version table in that schema counts.
    """
    ordered = sorted(tables, key=lambda each: each[2] or 0)
    if not table.schema:
        return [(schema, name, at is not None) for schema, name, at in ordered]
    return [(s, n, s == table.schema or (at is not None and n != table.name)) for s, n, at in ordered]


def _relations(connection: Connection, table: VersionTable) -> list[tuple[str, str, int | None]]:
    if connection.dialect.name == "postgresql":
        return [(str(schema), str(name), at) for schema, name, at in connection.exec_driver_sql(RELATIONS)]
    from sqlalchemy import inspect

    inspector = inspect(connection)
    schemas = dict.fromkeys((None, table.schema or None))
    return [(schema or "", name, 1) for schema in schemas for name in inspector.get_table_names(schema)]
