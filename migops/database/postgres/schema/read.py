"""Reads a PostgreSQL database's schema: one query of the catalogue, in the read-only transaction of ``connect``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migops.core.errors import Unavailable
from migops.database import DatabaseUrl, connect
from migops.database.postgres.schema.items import Item, Schema, schema_of

CATALOGUE = (Path(__file__).parent / "catalogue.sql").read_text(encoding="utf-8")
"""The query for kind, table, name and definition of every item. It is run with an empty search path."""
STRICT_CATALOGUE = CATALOGUE + (Path(__file__).parent / "strict.sql").read_text(encoding="utf-8")
"""The query including the kinds of ``items.STRICT``."""
OLDEST = 120000  # server_version_num of PostgreSQL 12


@dataclass(frozen=True, slots=True)
class DatabaseSchema:
    """A database's schema, without the server's own objects."""

    schema: Schema
    path: tuple[str, ...]  # the existing schemas on the search path
    search_path: str = '"$user", public'  # as set for this role
    strict: bool = False  # the kinds of ``items.STRICT`` are included


def read(url: DatabaseUrl, *, timeout: float, strict: bool = False) -> DatabaseSchema:
    """Read the schema within ``timeout`` seconds.

    Raises ``Unavailable`` if the database cannot be asked, is not PostgreSQL, or is too old.
    """
    if url.dialect != "postgresql":
        raise Unavailable(f"{url.shown}: the schema of a {url.dialect} database cannot be read, only PostgreSQL's")
    with connect(url, timeout=timeout) as connection:
        number = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
        if number < OLDEST:
            raise Unavailable(f"{url.shown}: the server is older than PostgreSQL 12, and its catalogue is another one")
        setting = str(connection.exec_driver_sql("SHOW search_path").scalar_one())
        path = connection.exec_driver_sql("SELECT unnest(pg_catalog.current_schemas(false))::text").scalars().all()
        connection.exec_driver_sql("SELECT pg_catalog.set_config('search_path', '', true)")
        rows = connection.exec_driver_sql(STRICT_CATALOGUE if strict else CATALOGUE).all()
    return DatabaseSchema(schema_of(Item(*(str(each) for each in row)) for row in rows), tuple(path), setting, strict)
