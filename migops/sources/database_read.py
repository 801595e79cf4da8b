"""What a database says once it is reached: its tables, and the rows of Alembic's version table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migops.core.errors import MigopsError
from migops.core.model import Unknown
from migops.database import DatabaseUrl, connect
from migops.database.postgres.catalogue import NOT_OF_AN_EXTENSION, USER_SCHEMA
from migops.migrations.version_table import VersionTable
from migops.sources.database_state import DatabaseState

if TYPE_CHECKING:
    from sqlalchemy import Connection

RELATIONS = f"""
SELECT n.nspname, c.relname, pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND {USER_SCHEMA}
  AND {NOT_OF_AN_EXTENSION}
"""  # noqa: S608
"""Tables, but for the server's own and those that an extension such as PostGIS brought along; and how far on in the
search path their schema stands, NULL where it does not."""

SERVERS = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mysql": "MySQL"}
"""Servers as they call themselves, by SQLAlchemy's name of their dialect."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A database as it can be asked from here.

    ``url`` leads there, ``named`` is the URL as the service has it, ``origin`` where that was found and ``how``, in
    words, how it was reached. ``table`` is the one that Alembic notes its revisions in.
    """

    url: DatabaseUrl
    named: DatabaseUrl
    table: VersionTable
    origin: str
    how: str

    def unknown(self, error: MigopsError) -> Unknown:
        """Why it could not be asked."""
        at = f" at {self.how}" if self.how else ""
        return Unknown(f"{self.named.shown}{at}: {error.message} (URL: {self.origin})", error.hint)


def read(reached: Reached, timeout: float) -> DatabaseState | Unknown:
    """Ask a database that can be reached, once, within ``timeout`` seconds."""
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
    """What was seen, by whoever asked: the tables as ``arranged`` gives them, and the version table's rows."""
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
    """The server's name; a MariaDB says so itself, also where the URL says mysql."""
    dialect = connection.dialect
    return "MariaDB" if getattr(dialect, "is_mariadb", False) else SERVERS.get(dialect.name, dialect.name)


def arranged(tables: Iterable[tuple[str, str, int | None]], table: VersionTable) -> list[tuple[str, str, bool]]:
    """Tables as (schema, name, whether it is where we look): in the version table's schema, or on the search path.

    ``tables`` have in their third place how far on in the search path the schema stands, None where it does not; those
    that are on it come in its order. Of a version table whose schema is named, only that one counts.
    """
    found = sorted(tables, key=lambda each: each[2] or 0)
    if not table.schema:
        return [(schema, name, at is not None) for schema, name, at in found]
    return [(s, n, s == table.schema or (at is not None and n != table.name)) for s, n, at in found]


def _relations(connection: Connection, table: VersionTable) -> list[tuple[str, str, int | None]]:
    if connection.dialect.name == "postgresql":
        return [(str(schema), str(name), at) for schema, name, at in connection.exec_driver_sql(RELATIONS)]
    from sqlalchemy import inspect

    inspector = inspect(connection)
    schemas = dict.fromkeys((None, table.schema or None))
    return [(schema or "", name, 1) for schema in schemas for name in inspector.get_table_names(schema)]
