"""The items of a schema, each with a kind, a name and a complete definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ORDER = "column order"
"""The kind of the items that list a table's columns in order. A difference is a note and does not count."""
EXTENSION = "extension"
STRICT = (
    "comment", "owner", "grant", "default privileges", "storage", "column storage", "replica identity", "statistics",
    "contents", "collation", "operator", "cast", "publication", "event trigger", "foreign server",
)  # fmt: skip
"""The kinds that are compared only in strict mode. ``contents`` is a materialized view that was not filled."""
_OUTSIDE = frozenset({EXTENSION, "publication", "event trigger", "cast", "foreign server", "default privileges"})
"""Kinds of items outside any schema."""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One item of a schema. ``table`` and ``name`` start with the schema and are quoted as in SQL."""

    kind: str
    """``table``, ``column``, ``primary key``, ``unique``, ``foreign key``, ``check``, ``exclusion``, ``index``,
    ``policy``, ``rule``, ``sequence``, ``enum``, ``range``, ``domain``, ``composite``, ``view``, ``materialized view``,
    ``function``, ``aggregate``, ``trigger``, ``extension``, ``column order``, or one of ``STRICT``."""
    table: str  # the table that it belongs to, for ``STRICT`` also the view, type, …; '' for none
    name: str
    text: str  # PostgreSQL's own definition

    @property
    def key(self) -> tuple[str, str]:
        """The item's key in a ``Schema``."""
        return self.kind, self.name

    @property
    def schema(self) -> str:
        """The schema of the item, '' for an item outside any schema."""
        return "" if self.kind in _OUTSIDE else head(self.name)


Schema = Mapping[tuple[str, str], Item]
"""Items by their kind and name."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The compared part of a database: these schemas, without the version table.

    ``version_schema`` is '' if the version table is found through the search path.
    """

    schemas: frozenset[str] = frozenset()
    version_table: str = "alembic_version"
    version_schema: str = ""
    path: tuple[str, ...] = field(default=())

    def holds(self, item: Item) -> bool:
        """True if the item is in the scope."""
        return (not item.schema or item.schema in self.schemas) and not self._is_version_table(item)

    def _is_version_table(self, item: Item) -> bool:
        table = item.name if item.kind == "table" else item.table
        inside = (self.version_schema,) if self.version_schema else self.path
        return any(table == f"{quote(schema)}.{quote(self.version_table)}" for schema in inside)


def schema_of(items: Iterable[Item]) -> Schema:
    """The items by their keys."""
    return {item.key: item for item in items}


def without(schema: Schema, scope: Scope) -> Schema:
    """The items in the scope."""
    return {key: item for key, item in schema.items() if scope.holds(item)}


def head(name: str) -> str:
    """The schema of a qualified name, unquoted."""
    if not name.startswith('"'):
        return name.partition(".")[0]
    end = 1
    while end < len(name) and (name[end] != '"' or name[end + 1 : end + 2] == '"'):
        end += 2 if name[end] == '"' else 1
    return name[1:end].replace('""', '"')


def quote(name: str) -> str:
    """A name as PostgreSQL's ``quote_ident`` writes it, except that reserved words stay unquoted."""
    plain = name[:1].isalpha() or name[:1] == "_"
    if plain and name.islower() and all(char.isascii() and (char.isalnum() or char == "_") for char in name):
        return name
    return '"' + name.replace('"', '""') + '"'
