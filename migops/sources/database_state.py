"""The result of asking a database. Separate from the reader, whose imports are slow, for rules without a database."""

from __future__ import annotations

from dataclasses import dataclass

from migops.core.model import Absent, NotAsked, Unknown

SETTINGS = ("database-url", "database-env", "version-table", "version-table-schema")
"""The keys of ``x-migops`` for the database."""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """The revisions and tables of a database."""

    rows: tuple[str, ...]  # of the version table, sorted
    has_version_table: bool
    tables: tuple[str, ...] = ()  # the others, on the search path or in the version table's schema
    elsewhere: tuple[str, ...] = ()  # other schemas with a table of the version table's name
    version_table: str = "alembic_version"
    schemas: tuple[str, ...] = ()  # schemas on the search path with such a table; the first one is read
    server: str = ""
    name: str = ""
    url: str = ""  # without secrets
    origin: str = ""  # the source of the URL
    address: str = ""  # a description of how the server was reached

    @property
    def is_fresh(self) -> bool:
        """True for a database without revisions and without tables."""
        return not self.rows and not self.tables


DatabaseReading = DatabaseState | Absent | NotAsked | Unknown
"""The result of asking a database."""
