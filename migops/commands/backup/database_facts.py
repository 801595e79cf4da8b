"""A database's size, server version and tables, read before it is dumped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migops.core.errors import Unavailable
from migops.database import connect
from migops.database.postgres.catalogue import NOT_OF_AN_EXTENSION, USER_SCHEMA
from migops.sources.database import Reached

_FACTS = f"""
SELECT current_database(), current_setting('server_version'),
       pg_catalog.pg_database_size(current_database()),
       (SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = pg_catalog.to_regclass(:table)),
       (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND {USER_SCHEMA}
          AND {NOT_OF_AN_EXTENSION})
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """A database before its dump."""

    database: str
    server: str
    """The server's version."""
    size: int
    """Bytes on the server's disk."""
    schema: str
    """The version table's schema; empty if there is no version table."""
    tables: int
    """Number of tables and partitions, without those of the server and of extensions."""


def read(reached: Reached, timeout: float) -> DatabaseFacts:
    """Query the database, within ``timeout`` seconds. ``Unavailable`` if it does not answer."""
    from sqlalchemy import text

    try:
        with connect(reached.url, timeout=timeout) as connection:
            quote: Any = connection.dialect.identifier_preparer.quote_identifier
            table = ".".join(quote(name) for name in (reached.table.schema, reached.table.name) if name)
            database, server, size, schema, tables = connection.execute(text(_FACTS), {"table": table}).one()
    except Unavailable as error:
        unknown = reached.unknown(error)
        raise Unavailable(unknown.reason, hint=unknown.hint) from None
    return DatabaseFacts(str(database), str(server), int(size), str(schema or ""), int(tables))
