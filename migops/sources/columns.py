"""The columns of some tables, asked of the database by a connection that only reads."""

from __future__ import annotations

from collections.abc import Sequence

from migops.core.errors import Unavailable
from migops.core.model import Absent, Unknown
from migops.database import connect
from migops.sources.database import find_url, reach
from migops.sources.database_question import Question


def columns(asked: Question, tables: Sequence[str]) -> dict[str, frozenset[str]]:
    """The columns of each table, by the search path. Raises MigopsError where it cannot be asked from here."""
    sought = find_url(asked)
    found = sought if isinstance(sought, Unknown) else reach(asked, sought)
    if isinstance(found, (Unknown, Absent)):
        raise Unavailable(found.reason)
    with connect(found.url, timeout=asked.timeout) as connection:
        from sqlalchemy import inspect

        read = inspect(connection)
        return {table: frozenset(str(each["name"]) for each in read.get_columns(table)) for table in tables}
