"""What asking a database gives. Apart from the asking, which imports a lot: the rules look at it without a database."""

from __future__ import annotations

from dataclasses import dataclass

from migops.core.model import Absent, NotAsked, Unknown

SETTINGS = ("database-url", "database-env", "version-table", "version-table-schema")
"""The keys of ``x-migops`` that this place knows."""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a database says of itself.

    ``rows`` are those of the version table, in order of their text. ``tables`` are the others that the search path
    leads to (or that lie in the version table's schema). ``elsewhere`` are other schemas that have a table of the
    version table's name, ``schemas`` those on the search path that have one: the first of these is what is read.
    ``url`` may be shown; ``origin`` says where it was found, ``address`` how it was reached.
    """

    rows: tuple[str, ...]
    has_version_table: bool
    tables: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    version_table: str = "alembic_version"
    schemas: tuple[str, ...] = ()
    server: str = ""
    name: str = ""
    url: str = ""
    origin: str = ""
    address: str = ""

    @property
    def is_fresh(self) -> bool:
        """Nothing was ever done in it."""
        return not self.rows and not self.tables


DatabaseReading = DatabaseState | Absent | NotAsked | Unknown
"""What asking a database gives."""
