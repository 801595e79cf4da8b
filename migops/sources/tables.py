"""Tables that Python files map, as far as their texts name them. Nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from migops.entrypoint.program import parsed

_HOOKS = (b"include_object", b"include_name")


@dataclass(frozen=True, slots=True)
class Mapped:
    """Possible table names in some files."""

    names: frozenset[str]
    """All texts of the files, and the classes' names as SQLModel and Flask-SQLAlchemy turn them into tables. No file
    maps a table that is not among them, unless ``untold`` is set."""
    untold: str = ""  # the reason why the names may be incomplete

    def lacks(self, tables: Iterable[str]) -> tuple[str, ...]:
        """Those of the tables that are certainly not mapped; none if ``untold`` is set."""
        return () if self.untold else tuple(sorted(each for each in tables if each not in self.names))


def mapped(files: Iterable[Path]) -> Mapped:
    """Read the files that env.py imports, itself included."""
    names: set[str] = set()
    untold = ""
    for file in sorted(files):
        text = file.read_bytes()
        if any(hook in text for hook in _HOOKS):
            untold = untold or f"{file} uses a hook to choose the tables that Alembic sees"
        tree = parsed(text)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value.rpartition(".")[2])
            elif isinstance(node, ast.ClassDef):
                names |= {node.name.lower(), _snake(node.name)}
            if _computes_a_name(node):
                untold = untold or f"{file}:{getattr(node, 'lineno', 1)} computes a table name"
    return Mapped(frozenset(names), untold)


def _computes_a_name(node: ast.AST) -> bool:
    """True if ``__tablename__`` is not a literal, or tables are read from a database or created by a call."""
    if isinstance(node, ast.FunctionDef):
        return node.name == "__tablename__"
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        is_name = any(isinstance(target, ast.Name) and target.id == "__tablename__" for target in targets)
        return is_name and node.value is not None and not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "Table":
            return bool(node.args) and not isinstance(node.args[0], ast.Constant)
        return name in ("reflect", "automap_base", "to_metadata", "tometadata")
    return False


def _snake(name: str) -> str:
    """``OrderItem`` as ``order_item``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
