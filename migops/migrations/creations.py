"""What the applied revisions of a history have created, by the literals of their scripts. Nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from migops.core.model import MigrationSet
from migops.migrations.env_script import called, parsed
from migops.migrations.graph import Graph
from migops.migrations.operations import operations

_MOVED = re.compile(r"SET\s+SCHEMA|search_path|DROP\s+SCHEMA|DROP\s+OWNED|PARTITION\s+OF", re.IGNORECASE)
_UNSURE = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)
_CREATING = ("create_table", "add_column")
_LITERAL_DROPS = re.compile(r"\bDROP\s+TABLE\b[^;]{0,500}[,{%]", re.IGNORECASE)


def applied_creations(graph: Graph, held: MigrationSet, rows: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """What each applied revision creates and no later applied one takes away, by the literals of the scripts."""
    texts = {file.path: file.content for file in held.scripts.values()}
    applied = graph.ancestors(rows)
    creations: dict[str, tuple[str, ...]] = {}
    for revision in graph.revisions:
        if revision.id not in applied:
            continue
        text = texts.get(revision.path, b"")
        if b"rename_table" in text or b"new_column_name" in text or b"RENAME" in text.upper():
            return {}  # names go over to others: nothing can be told by them
        read = operations(text.decode("utf-8", "replace"))
        gone = set(read.destroyed)
        tables = {each[len("table ") :] for each in gone if each.startswith("table ")}
        for each, names in creations.items():
            creations[each] = tuple(name for name in names if name not in gone and table_of(name) not in tables)
        creations[revision.id] = tuple(name for name in read.created if name not in gone)
    return {each: names for each, names in creations.items() if names}


def certain_creations(graph: Graph, held: MigrationSet, rows: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """``applied_creations`` of the revisions that create without any condition; {} if a name may have been dropped or
    moved by a statement that is computed."""
    texts = {file.path: file.content.decode("utf-8", "replace") for file in held.scripts.values()}
    creations = applied_creations(graph, held, rows)
    applied = [each for each in graph.revisions if each.id in graph.ancestors(rows)]
    if any(_takes_away_unseen(texts.get(each.path, "")) for each in applied):
        return {}
    paths = {each.id: each.path for each in applied}
    return {each: names for each, names in creations.items() if _is_certain(parsed(texts.get(paths[each], "")))}


def table_of(name: str) -> str:
    """The table of ``table NAME`` or ``column TABLE.NAME``."""
    kind, _, rest = name.partition(" ")
    return rest.rpartition(".")[0] if kind == "column" else rest


def missing(
    creations: Mapping[str, tuple[str, ...]], tables: Mapping[str, frozenset[str]]
) -> dict[str, tuple[str, ...]]:
    """Of what revisions create, what the database lacks. ``tables``: the columns of each table of any schema."""

    def is_there(name: str) -> bool:
        table = table_of(name)
        if "." in table:
            return True  # in a schema of its own, which was not asked for
        return table in tables and (name.startswith("table ") or name.rpartition(".")[2] in tables[table])

    lacking = {each: tuple(name for name in names if not is_there(name)) for each, names in creations.items()}
    return {each: names for each, names in lacking.items() if names}


def _takes_away_unseen(text: str) -> bool:
    """True if a script may drop or move tables whose names its literals do not give."""
    if _MOVED.search(text) or _LITERAL_DROPS.search(text):
        return True
    drops = (node for node in ast.walk(parsed(text)) if isinstance(node, ast.Call) and called(node) == "drop_table")
    return any(not (node.args and isinstance(node.args[0], ast.Constant)) for node in drops)


def _is_certain(tree: ast.Module) -> bool:
    """True if no creation of the script is under a condition, in a loop, or in a ``try``."""
    return not any(
        isinstance(inner, ast.Call) and called(inner) in _CREATING
        for node in ast.walk(tree) if isinstance(node, _UNSURE)
        for inner in ast.walk(node)
    )  # fmt: skip
