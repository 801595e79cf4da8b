"""Reads from env.py's text whether it begins a transaction that Alembic does not own. The file is never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migops.migrations.env_script import called, parsed

_RUNS = ("execute", "exec_driver_sql", "scalar", "scalars", "begin", "run_sync")
_ENDS = ("commit", "rollback")
_HANDS_OVER = ("configure", "run_sync", "do_run_migrations", "run_migrations")


def early_statement(source: str) -> int:
    """The line that runs something on a connection before Alembic gets it, without a commit between; 0 if none does.

    With SQLAlchemy 2 that begins a transaction. Alembic then neither begins nor commits one of its own, so that all
    that the migrations did is rolled back when the connection is closed, unless env.py commits it.
    """
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for function in (node for node in ast.walk(parsed(source)) if isinstance(node, functions)):
        if line := _in_function(function):
            return line
    return 0


@dataclass(frozen=True, slots=True)
class Uncommitted:
    """A statement that certainly runs before Alembic gets the connection, and whose transaction nobody ends."""

    line: int
    """The last line of the statement."""
    connection: str
    """The connection's name."""


def uncommitted(source: str) -> Uncommitted | None:
    """The statement after which nothing that the migrations do is committed; None unless the text settles it.

    A transaction that env.py begins itself (``with connection.begin()``), autocommit, any commit, and a statement
    under a condition are not certain.
    """
    line = 0 if "AUTOCOMMIT" in source.upper() else early_statement(source)
    tree = parsed(source)
    if not line or any(called(node) in ("commit", "begin") for node in _calls(tree)):
        return None
    unsure = {id(inner) for node in ast.walk(tree) for part in _maybe(node) for inner in ast.walk(part)}
    for call in _calls(tree):
        if call.lineno == line and called(call) in _RUNS and (name := _on(call)) and id(call) not in unsure:
            return Uncommitted(call.end_lineno or line, name)
    return None


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _maybe(node: ast.AST) -> Sequence[ast.AST]:
    """The parts of a statement that may not run."""
    if isinstance(node, (ast.If, ast.For, ast.AsyncFor, ast.While)):
        return [*node.body, *node.orelse]
    if isinstance(node, ast.Try):
        return [*node.handlers, *node.orelse]
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else []


def _in_function(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = set(_connections(function))
    calls = sorted(
        (node for node in ast.walk(function) if isinstance(node, ast.Call)),
        key=lambda node: (node.lineno, node.col_offset),
    )
    early = 0
    is_handed_over = False
    for call in calls:
        on = _on(call)
        if called(call) in _ENDS and on in names:
            if is_handed_over:  # env.py commits what the migrations did
                return 0
            early = 0
        elif not is_handed_over and _hands_over(call, names):
            if not early:
                return 0
            is_handed_over = True
        elif not is_handed_over and on in names and called(call) in _RUNS and not early:
            early = call.lineno
    return early if is_handed_over else 0


def _connections(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The names that ``with … .connect() as name`` gives to connections: only ``begin()`` commits at its end."""
    for node in ast.walk(function):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                opened, name = item.context_expr, item.optional_vars
                if isinstance(opened, ast.Call) and called(opened) == "connect" and isinstance(name, ast.Name):
                    yield name.id


def _on(call: ast.Call) -> str:
    """The name that the method is called on."""
    function = call.func
    return function.value.id if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) else ""


def _hands_over(call: ast.Call, names: set[str]) -> bool:
    """Whether the call gives the connection to Alembic."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    is_given = any(isinstance(value, ast.Name) and value.id in names for value in given)
    if called(call) == "run_sync" and _on(call) in names:
        return any(isinstance(value, ast.Name) and "migration" in value.id for value in call.args)
    return called(call) in _HANDS_OVER and is_given
