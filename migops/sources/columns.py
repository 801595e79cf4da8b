"""Columns of tables, read from the database through a read-only connection."""

from __future__ import annotations

from collections.abc import Sequence

from migops.core.errors import Unavailable
from migops.core.model import Absent, Unknown
from migops.database import connect
from migops.sources.database import find_url, reach
from migops.sources.database_question import Question


def columns(asked: Question, tables: Sequence[str]) -> dict[str, frozenset[str]]:
    """The columns of each table, found on the search path. Raises MigopsError if the database is not reachable."""
    sought = find_url(asked)
    reached = sought if isinstance(sought, Unknown) else reach(asked, sought)
    if isinstance(reached, (Unknown, Absent)):
        raise Unavailable(reached.reason)
    with connect(reached.url, timeout=asked.timeout) as connection:
        from sqlalchemy import inspect

        read = inspect(connection)
        return {table: frozenset(str(column["name"]) for column in read.get_columns(table)) for table in tables}
