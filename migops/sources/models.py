"""Models that env.py does not import, so that Alembic does not know them. Read from text; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.core.model import Location, Unknown
from migops.sources.project_code import DEEPEST, Key, ProjectCode

MAPPING = (b"__tablename__", b"__table__", b"table=True", b"table = True")
"""Texts of which a file that maps a table contains at least one."""

NOTHING: Key = ("", "")  # env.py passes None to Alembic, which MIG506 reports


@dataclass(frozen=True, slots=True)
class Model:
    """A class that maps a table, and its location."""

    name: str
    at: Location


def unimported(env: Path, roots: Sequence[Path], files: Iterable[Path]) -> tuple[Model, ...] | Unknown:
    """The models below the Base that env.py passes to Alembic, in those of ``files`` that env.py does not import.

    ``roots`` are the folders that imports start from. Unknown if an import on the way is computed, or if env.py's
    ``target_metadata`` is not the ``metadata`` of one name. Raises MigopsError if a file cannot be read.
    """
    code = ProjectCode(tuple(roots))
    base = _metadata_of(code, env)
    if base == NOTHING:
        return ()
    if base is None:
        return Unknown(f"{env} does not set target_metadata = NAME.metadata, so the models cannot be determined")
    reached = _closure(code, env)
    if isinstance(reached, Unknown):
        return reached
    return tuple(
        Model(node.name, Location(str(file), node.lineno))
        for file in sorted(set(files) - reached)
        if _may_map(code, file)
        for node in _classes(code.tree(file))
        if _maps(node) and _descends(code, file, node, base)
    )


def followed(env: Path, roots: Sequence[Path]) -> tuple[frozenset[Path], str]:
    """The project's files that env.py runs by its imports, itself included, and the location of a computed import.

    A computed import may run more files; '' if there is none. Raises MigopsError if a file cannot be read.
    """
    files, computed = ProjectCode(tuple(roots)).reached(env)
    return frozenset(files), computed


def _may_map(code: ProjectCode, file: Path) -> bool:
    """True if the file may contain a model. Most do not and need no parsing."""
    return any(word in code.text(file) for word in MAPPING)


def _metadata_of(code: ProjectCode, env: Path) -> Key | None:
    """The definition of X in env.py's ``target_metadata = X.metadata``; None without such an assignment."""
    values = [
        node.value
        for node in ast.walk(code.tree(env))
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "target_metadata" for target in node.targets)
    ]
    if values and all(isinstance(value, ast.Constant) for value in values):
        return NOTHING
    if len(values) != 1 or not isinstance(values[0], ast.Attribute) or values[0].attr != "metadata":
        return None
    return code.key(env, values[0].value)


def _closure(code: ProjectCode, start: Path) -> set[Path] | Unknown:
    """Every file of the project that importing ``start`` imports; Unknown if an import is computed."""
    files, computed = code.reached(start)
    return (
        Unknown(f"{computed} computes its imports, so the imported models cannot be determined") if computed else files
    )


def _descends(code: ProjectCode, file: Path, node: ast.ClassDef, base: Key, depth: int = 0) -> bool:
    """True if the class inherits from ``base``, directly or through classes of the project."""
    for parent in node.bases:
        key = code.key(file, parent)
        if key == base:
            return True
        if key and key[0] and depth < DEEPEST:
            above = [other for other in _classes(code.tree(Path(key[0]))) if other.name == key[1]]
            if any(_descends(code, Path(key[0]), other, base, depth + 1) for other in above if other is not node):
                return True
    return False


def _classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def _maps(node: ast.ClassDef) -> bool:
    """True if the class itself names a table: ``__tablename__``, ``__table__``, SQLModel's ``table=True``."""
    named = [
        target.id
        for statement in node.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name)
    ]
    table = [keyword.value for keyword in node.keywords if keyword.arg == "table"]
    return not {"__tablename__", "__table__"}.isdisjoint(named) or any(
        isinstance(value, ast.Constant) and value.value is True for value in table
    )
