"""Objects that a migration creates and drops, as far as literals in its text name them. It is never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from migops.migrations.env_script import called, parsed

_DROP_TABLE = re.compile(r"\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?([\w.\"]+)", re.IGNORECASE)
_DROP_COLUMN = re.compile(
    r"\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?([\w.\"]+)\s+DROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?([\w\"]+)",
    re.IGNORECASE,
)
_TRUNCATE = re.compile(r"\bTRUNCATE\s+(?:TABLE\s+)?(?:ONLY\s+)?([\w.\"]+)", re.IGNORECASE)
_DELETE = re.compile(r"\bDELETE\s+FROM\s+(?:ONLY\s+)?([\w.\"]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of ``upgrade()`` with literal names, in order."""

    created: tuple[str, ...] = ()  # ``table NAME`` or ``column TABLE.NAME``
    destroyed: tuple[str, ...] = ()  # the same for dropped ones, and ``rows of NAME`` for emptied tables


def operations(source: str, function: str = "upgrade") -> Operations:
    """Read one function of a script, and the functions of the same module that it calls by name."""
    tree = parsed(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    todo, seen = [function], dict[str, ast.FunctionDef]()
    while todo:
        name = todo.pop()
        if name in functions and name not in seen:
            seen[name] = functions[name]
            todo += [called(node) for node in ast.walk(functions[name]) if isinstance(node, ast.Call)]
    created: list[str] = []
    destroyed: list[str] = []
    for body in seen.values():
        batches = dict(batches_of(body))
        for node in ast.walk(body):
            if isinstance(node, ast.Call):
                created += _created(node, batches)
                destroyed += _destroyed(node, batches)
    return Operations(tuple(dict.fromkeys(created)), tuple(dict.fromkeys(destroyed)))


def batches_of(body: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """The names bound by ``with op.batch_alter_table("t") as name``, each with its table."""
    for node in ast.walk(body):
        for item in node.items if isinstance(node, ast.With) else ():
            call, name = item.context_expr, item.optional_vars
            if isinstance(call, ast.Call) and called(call) == "batch_alter_table" and isinstance(name, ast.Name):
                yield name.id, _named(call, _text(call.args, 0))


def _created(node: ast.Call, batches: dict[str, str]) -> Iterator[str]:
    verb = called(node)
    if verb == "create_table" and (name := _text(node.args, 0)):
        yield f"table {_named(node, name)}"
    elif verb == "add_column":
        table, rest = table_and_rest(node, batches)
        column = rest[0] if rest else None
        if table and isinstance(column, ast.Call) and (name := _text(column.args, 0)):
            yield f"column {table}.{name}"


def _destroyed(node: ast.Call, batches: dict[str, str]) -> Iterator[str]:
    verb = called(node)
    if verb == "drop_table" and (name := _text(node.args, 0)):
        yield f"table {_named(node, name)}"
    elif verb == "drop_column":
        table, rest = table_and_rest(node, batches)
        if table and (name := _text(rest, 0)):
            yield f"column {table}.{name}"
    elif verb in ("execute", "text"):
        for statement in (argument.value for argument in node.args if isinstance(argument, ast.Constant)):
            if isinstance(statement, str):
                yield from (f"table {_bare(name)}" for name in _DROP_TABLE.findall(statement))
                yield from (f"column {_bare(table)}.{_bare(name)}" for table, name in _DROP_COLUMN.findall(statement))
                yield from (
                    f"rows of {_bare(name)}" for verbs in (_TRUNCATE, _DELETE) for name in verbs.findall(statement)
                )


def table_and_rest(node: ast.Call, batches: dict[str, str]) -> tuple[str, list[ast.expr]]:
    """The table of an operation on a column, and the arguments after it; a batch operation names no table."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(owner, ast.Name) and owner.id in batches:
        return batches[owner.id], node.args
    return _named(node, _text(node.args, 0)), node.args[1:]


def _named(node: ast.Call, table: str) -> str:
    """The table, qualified with the schema argument of the call."""
    schema = next((_text([each.value], 0) for each in node.keywords if each.arg == "schema"), "")
    return f"{schema}.{table}" if table and schema else table


def _text(arguments: list[ast.expr], at: int) -> str:
    value = arguments[at] if len(arguments) > at else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _bare(name: str) -> str:
    return name.replace('"', "")
