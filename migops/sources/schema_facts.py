"""The columns of some tables, and whether some tables have rows: read once, on a read-only connection."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migops.core.errors import MigopsError
from migops.core.model import Absent, Unknown
from migops.database import connect
from migops.sources.database import find_url, reach
from migops.sources.database_question import Question

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class SchemaFacts:
    """What was asked of the database's tables."""

    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of each asked table that any schema has. On PostgreSQL also of views; of all schemas together."""
    has_rows: Mapping[str, bool] = field(default_factory=dict)
    """Of each asked table."""


def schema_facts(asked: Question, tables: Collection[str], filled: Collection[str]) -> SchemaFacts | Unknown:
    """The columns of ``tables``, and whether those of ``filled``, which are on the search path, have a row."""
    sought = find_url(asked)
    reached = sought if isinstance(sought, Unknown) else reach(asked, sought)
    if isinstance(reached, (Unknown, Absent)):
        return Unknown(reached.reason)
    try:
        with connect(reached.url, timeout=asked.timeout) as connection:
            return SchemaFacts(
                _columns(connection, tables) if tables else {},
                {each: _has_rows(connection, each) for each in sorted(filled)},
            )
    except MigopsError as error:
        return reached.unknown(error)


def _columns(connection: Connection, tables: Collection[str]) -> dict[str, frozenset[str]]:
    from sqlalchemy import column, inspect, select, table

    if connection.dialect.name != "postgresql":
        inspector = inspect(connection)
        there = set(inspector.get_table_names()) & set(tables)
        return {name: frozenset(str(each["name"]) for each in inspector.get_columns(name)) for name in sorted(there)}
    names = ("oid", "relname"), ("attrelid", "attname", "attnum", "attisdropped")
    relation = table("pg_class", *map(column, names[0]), schema="pg_catalog")
    attribute = table("pg_attribute", *map(column, names[1]), schema="pg_catalog")
    wanted = (
        select(relation.c.relname, attribute.c.attname)
        .join_from(relation, attribute, relation.c.oid == attribute.c.attrelid)
        .where(relation.c.relname.in_(sorted(tables)), attribute.c.attnum > 0, attribute.c.attisdropped.is_(False))
    )
    columns: dict[str, set[str]] = {}
    for name, attname in connection.execute(wanted):
        columns.setdefault(str(name), set()).add(str(attname))
    return {name: frozenset(names) for name, names in columns.items()}


def _has_rows(connection: Connection, name: str) -> bool:
    from sqlalchemy import literal_column, select, table

    return connection.execute(select(literal_column("1")).select_from(table(name)).limit(1)).first() is not None
