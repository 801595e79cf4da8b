"""Recognizes migrations that do nothing, such as merges, by their text, which is never run."""

from __future__ import annotations

import ast
import warnings


def is_noop(source: bytes) -> bool:
    """True if the script has one ``upgrade`` and that is empty; False if the script cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a user's script does not matter here
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    upgrades = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    return len(upgrades) == 1 and not upgrades[0].decorator_list and all(map(_is_empty, upgrades[0].body))


def _is_empty(statement: ast.stmt) -> bool:
    """``pass``, a docstring or ``...``."""
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass) or constant
