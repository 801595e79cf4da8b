"""Tables that a first revision changes although no revision creates them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from migops.core.model import MigrationSet
from migops.migrations.env_script import called, parsed
from migops.migrations.graph import Graph
from migops.migrations.operations import batches_of, operations

_FIRST = ("add_column", "drop_column", "alter_column", "batch_alter_table", "rename_table", "create_table_comment")
"""Operations whose first argument is the table."""
_SECOND = ("create_index", "create_unique_constraint", "create_check_constraint", "create_foreign_key",
           "drop_constraint", "create_primary_key")  # fmt: skip
"""Operations whose second argument is the table."""
_CREATES = re.compile(
    r"\bCREATE\s+(?:\w+\s+)*?(?:TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.\"]+)|\bINTO\s+(?:TABLE\s+)?([\w.\"]+)",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"create_all|\bopen\(|read_text|run_sync|\.sql\b|create_entity|\bimport_module\b|__import__")
"""Signs of a script that makes tables by other means than its own literals."""
_UNSURE = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)


def altered_first(held: MigrationSet, graph: Graph) -> dict[str, tuple[str, ...]]:
    """Of each revision without a parent, the tables that it changes and that no revision creates."""
    texts = {file.path: file.content.decode("utf-8", "replace") for file in held.scripts.values()}
    if any(_ELSEWHERE.search(text) or _computes(parsed(text)) for text in texts.values()):
        return {}
    known = {name for text in texts.values() for name in created(text)}
    roots = [each for each in graph.revisions if not each.parents and not each.depends_on]
    tables = {each.id: tuple(dict.fromkeys(_altered(texts.get(each.path, "")))) for each in roots}
    lacking = {each: tuple(table for table in names if table not in known) for each, names in tables.items()}
    return {each: names for each, names in lacking.items() if names}


def created(text: str) -> Iterator[str]:
    """The tables that a script's literals create, without their schemas."""
    yield from (_bare(each.removeprefix("table ")) for each in operations(text).created if each.startswith("table "))
    yield from (_bare(name) for names in _CREATES.findall(text) for name in names if name)
    calls = (node for node in ast.walk(parsed(text)) if isinstance(node, ast.Call))
    for node in calls:
        if called(node) == "create_table" and node.args:
            yield _literal(node.args, 0)
        elif called(node) == "rename_table":
            yield _literal(node.args, 1)


def _altered(text: str) -> Iterator[str]:
    """The tables that ``upgrade`` changes without a condition, as far as literals name them."""
    tree = parsed(text)
    upgrade = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"), None)
    if upgrade is None:
        return
    batches = {name for name, _ in batches_of(upgrade)}
    unsure = {id(inner) for node in ast.walk(upgrade) if isinstance(node, _UNSURE) for inner in ast.walk(node)}
    for node in ast.walk(upgrade):
        if not isinstance(node, ast.Call) or id(node) in unsure:
            continue
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(owner, ast.Name) and owner.id in batches:
            continue
        at = 0 if called(node) in _FIRST else 1 if called(node) in _SECOND else None
        if at is not None and (table := _literal(node.args, at)):
            yield _bare(table)


def _computes(tree: ast.Module) -> bool:
    """True if tables are created under computed names, or statements are run that are not literals."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in ("create_table", "execute", "exec_driver_sql"):
            first = node.args[0] if node.args else None
            if called(node) == "create_table" and not _literal(node.args, 0):
                return True
            if called(node) != "create_table" and first is not None and _is_computed(first):
                return True
    return False


def _is_computed(value: ast.expr) -> bool:
    """True for a statement whose text is not in the script; SQLAlchemy's own expressions create no table."""
    if isinstance(value, ast.Call) and called(value) == "text":
        return bool(value.args) and _is_computed(value.args[0])
    return isinstance(value, (ast.Name, ast.JoinedStr, ast.BinOp)) or (
        isinstance(value, ast.Attribute) or (isinstance(value, ast.Call) and called(value) in ("format", "join"))
    )


def _literal(arguments: Iterable[ast.expr], at: int) -> str:
    value = next((each for number, each in enumerate(arguments) if number == at), None)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _bare(name: str) -> str:
    return name.replace('"', "").rpartition(".")[2]
