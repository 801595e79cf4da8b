"""The schema of a PostgreSQL database as plain values: read from its catalogue, and compared."""

from migops.database.postgres.schema.compare import Comparison, Difference, compare
from migops.database.postgres.schema.items import EXTENSION, ORDER, STRICT, Item, Schema, Scope, without
from migops.database.postgres.schema.read import CATALOGUE, STRICT_CATALOGUE, DatabaseSchema, read

__all__ = [
    "CATALOGUE",
    "EXTENSION",
    "ORDER",
    "STRICT",
    "STRICT_CATALOGUE",
    "Comparison",
    "DatabaseSchema",
    "Difference",
    "Item",
    "Schema",
    "Scope",
    "compare",
    "read",
    "without",
]  # fmt: skip
