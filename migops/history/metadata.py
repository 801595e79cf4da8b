"""Whether ``env.py`` gives Alembic the models to compare a database with, read without running it."""

from __future__ import annotations

import ast
import warnings

from migops.history.constants import read_names

NAME = "target_metadata"


def line_without_metadata(source: str) -> int:
    """The line at which ``env.py`` leaves ``target_metadata`` at None; 0 where it sets it, or where it cannot be told.

    It counts where the module's last assignment is None and every ``configure`` is given that name, or None.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in someone's env.py is none of our business
            module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    names = read_names(module)
    given = [
        keyword.value
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and _called(node) == "configure"
        for keyword in node.keywords
        if keyword.arg == NAME
    ]
    if NAME not in names or names.value(NAME) is not None or any(not _is_that(value) for value in given):
        return 0
    return names.line(NAME)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_that(value: ast.expr) -> bool:
    if isinstance(value, ast.Name):
        return value.id == NAME
    return isinstance(value, ast.Constant) and value.value is None
