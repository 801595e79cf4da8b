"""Tells a migration that does nothing, as one that only joins two branches: by its text, which is never run."""

from __future__ import annotations

import ast
import warnings


def does_nothing(source: bytes) -> bool:
    """Whether ``upgrade`` is there, once, and is empty. What cannot be read is taken to do something."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in someone's script is none of our business
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    return len(found) == 1 and not found[0].decorator_list and all(_is_empty(each) for each in found[0].body)


def _is_empty(statement: ast.stmt) -> bool:
    """``pass``, a docstring or ``...``."""
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass) or constant
