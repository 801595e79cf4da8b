"""Reads from env.py's text how it uses the models and the URL. The file is never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator


def undoubled(source: str) -> Iterator[tuple[int, str]]:
    """Calls that pass a computed URL to ``set_main_option`` without doubling ``%``: line, and the line's text.

    Names are followed to their assignments in the module; a ``replace`` or ``%%`` in any of them ends the check.
    """
    tree = parsed(source)
    lines = source.splitlines()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and called(node) in ("set_main_option", "set_section_option")):
            continue
        *names, value = node.args or [ast.Constant(None)]
        if not any(isinstance(name, ast.Constant) and name.value == "sqlalchemy.url" for name in names):
            continue
        if not any(_doubles(each) for each in sources(value, tree)):
            yield node.lineno, lines[node.lineno - 1].strip()


_FOLDERS = frozenset(("script_location", "version_locations"))


def moved(source: str) -> Iterator[tuple[int, str, tuple[str, ...] | None]]:
    """Statements that set the location of the migrations: line, text, and the folders.

    The folders are None if they are computed. Setting the URL does not count.
    """
    tree = parsed(source)
    lines = source.splitlines()
    for node in ast.walk(tree):
        value = _chosen(node)
        if value is not None:
            line = getattr(node, "lineno", 1)
            yield line, lines[line - 1].strip(), _literal(value)


def _chosen(node: ast.AST) -> ast.expr | None:
    """The value that a statement assigns to one of the folders; None for any other statement."""
    if isinstance(node, ast.Call) and called(node) in ("set_main_option", "set_section_option", "set"):
        *names, value = [*node.args, *(each.value for each in node.keywords)] or [ast.Constant(None)]
        named = any(isinstance(name, ast.Constant) and name.value in _FOLDERS for name in names)
        return value if named else None
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            of_script = isinstance(target, ast.Attribute) and target.attr in ("version_locations", "_version_locations")
            option = isinstance(target, ast.Subscript) and getattr(target.slice, "value", None) in _FOLDERS
            if of_script or option:
                return node.value if isinstance(node, ast.Assign) else ast.Name("computed")
    return None


def _literal(value: ast.expr) -> tuple[str, ...] | None:
    items = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
    texts = [each.value for each in items if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return tuple(texts) if len(texts) == len(items) else None


def line_of_none(source: str) -> int:
    """The line that sets ``target_metadata`` to None; 0 if there is none, or another value is assigned anywhere."""
    tree = parsed(source)
    assigned = [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == "target_metadata"
    ]
    given = [
        keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) == "configure"
        for keyword in node.keywords
        if keyword.arg == "target_metadata"
    ]
    if not assigned or not all(isinstance(value, ast.Name) and value.id == "target_metadata" for value in given):
        return 0
    nothing = all(isinstance(value, ast.Constant) and value.value is None for _, value in assigned)
    return assigned[0][0] if nothing else 0


def parsed(source: str) -> ast.Module:
    """The module's tree; an empty one if the text is not valid Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in env.py is not an error here
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])  # Alembic itself fails and reports it


def called(node: ast.Call) -> str:
    """The last part of the called name: ``create_engine`` of ``sa.create_engine(…)``."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def sources(value: ast.expr, tree: ast.Module) -> Iterator[ast.expr]:
    """The expression, every assignment to the names in it, and the return values of the functions that it calls."""
    todo, seen = [value], set[str]()
    while todo:
        expression = todo.pop()
        yield expression
        names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)} - seen
        seen |= names
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Assign)
                and node.value
                and any(isinstance(target, ast.Name) and target.id in names for target in node.targets)
            ):
                todo.append(node.value)
            elif isinstance(node, ast.FunctionDef) and node.name in names:
                todo += [one.value for one in ast.walk(node) if isinstance(one, (ast.Return, ast.Assign)) and one.value]


def _doubles(value: ast.expr) -> bool:
    return any(
        (isinstance(node, ast.Call) and called(node) in ("replace", "escape_percent"))
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and "%%" in node.value)
        for node in ast.walk(value)
    )
