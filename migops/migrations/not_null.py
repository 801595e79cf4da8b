"""Columns that pending migrations add as NOT NULL without a default, which fails on a table that has rows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migops.core.model import MigrationSet
from migops.migrations.env_script import called, parsed
from migops.migrations.graph import Graph
from migops.migrations.operations import batches_of, operations, table_and_rest

_FILLED = frozenset(("Computed", "Identity", "Sequence", "FetchedValue", "DefaultClause"))
_FILLING = frozenset(("server_default", "primary_key", "server_onupdate"))
_ADD = re.compile(
    r"^\s*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?([\w\"]+)\s+ADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?"
    r"(?!CONSTRAINT|PRIMARY|UNIQUE|FOREIGN|CHECK)([\w\"]+)\s+([^,;]*\bNOT\s+NULL\b[^,;]*);?\s*$",
    re.IGNORECASE,
)
_HAS_VALUE = re.compile(r"\b(DEFAULT|GENERATED|SERIAL|BIGSERIAL|PRIMARY)\b", re.IGNORECASE)
_UNSURE = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)


@dataclass(frozen=True, slots=True)
class Strict:
    """One such column."""

    revision: str
    path: str  # the script's
    line: int
    table: str
    column: str


def strict_columns(held: MigrationSet, graph: Graph, pending: Iterable[str]) -> tuple[Strict, ...]:
    """The columns of tables that are there before, and that no pending revision empties or creates."""
    texts = {file.path: file.content.decode("utf-8", "replace") for file in held.scripts.values()}
    columns: list[Strict] = []
    untouched: set[str] = set()  # tables that a pending revision creates or empties
    for identifier in pending:
        revision = graph.by_id.get(identifier)
        if revision is None:
            continue
        read = operations(texts.get(revision.path, ""))
        untouched |= {name.partition(" ")[2] for name in read.created if name.startswith("table ")}
        untouched |= {name.removeprefix("rows of ") for name in read.destroyed if name.startswith("rows of ")}
        for table, column, line in _added(parsed(texts.get(revision.path, ""))):
            if table not in untouched:
                columns.append(Strict(identifier, revision.path, line, table, column))
    return tuple(columns)


def _added(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Table, column and line of each such statement of ``upgrade`` that runs without a condition."""
    upgrade = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"), None)
    if upgrade is None:
        return
    batches = dict(batches_of(upgrade))
    unsure = {id(inner) for node in ast.walk(upgrade) if isinstance(node, _UNSURE) for inner in ast.walk(node)}
    for node in ast.walk(upgrade):
        if not isinstance(node, ast.Call) or id(node) in unsure:
            continue
        if called(node) == "add_column":
            table, rest = table_and_rest(node, batches)
            column = rest[0] if rest else None
            if table and isinstance(column, ast.Call) and _is_strict(column):
                yield table, _text(column), node.lineno
        elif called(node) in ("execute", "text") and node.args:
            match = _ADD.match(_literal(node.args[0]))
            if match and not _HAS_VALUE.search(match[3]):
                yield match[1].replace('"', ""), match[2].replace('"', ""), node.lineno


def _is_strict(column: ast.Call) -> bool:
    keywords = {each.arg: each.value for each in column.keywords}
    inner = [node for each in column.args for node in ast.walk(each) if isinstance(node, ast.Call)]
    return (
        _value(keywords.get("nullable")) is False
        and not any(called(node) in _FILLED for node in inner)
        and not any(name in keywords and _value(keywords[name]) not in (None, False) for name in _FILLING)
        and None not in keywords  # ``**more``
        and bool(_text(column))
    )


def _value(node: ast.expr | None) -> object:
    """A literal's value; for any other expression, the expression itself."""
    return node.value if isinstance(node, ast.Constant) else node


def _text(column: ast.Call) -> str:
    return _literal(column.args[0]) if column.args else ""


def _literal(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
