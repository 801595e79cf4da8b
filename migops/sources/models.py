"""Models that env.py does not import, so that Alembic does not know them. Read from text; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Location, Unknown
from migops.entrypoint.program import parsed, words_in

DEEPEST = 12  # steps of a name from module to module, or of inheritance
_COMPUTED = frozenset(("import_module", "walk_packages", "iter_modules", "run_path", "run_module"))

MAPPING = (b"__tablename__", b"__table__", b"table=True", b"table = True")
"""Texts of which a file that maps a table contains at least one."""

Key = tuple[str, str]
"""The definition of a name: the module's file and the name in it; '' and the import's text for installed packages."""

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
    code = _Code(tuple(roots))
    base = code.metadata_of(env)
    if base == NOTHING:
        return ()
    if base is None:
        return Unknown(f"{env} does not say target_metadata = NAME.metadata, so whose models count cannot be told")
    reached = code.closure(env)
    if isinstance(reached, Unknown):
        return reached
    return tuple(
        Model(node.name, Location(str(file), node.lineno))
        for file in sorted(set(files) - reached)
        if code.may_map(file)
        for node in _classes(code.tree(file))
        if _maps(node) and code.descends(file, node, base)
    )


def followed(env: Path, roots: Sequence[Path]) -> tuple[frozenset[Path], str]:
    """The project's files that env.py runs by its imports, itself included, and the location of a computed import.

    A computed import may run more files; '' if there is none. Raises MigopsError if a file cannot be read.
    """
    files, computed = _Code(tuple(roots)).reached(env)
    return frozenset(files), computed


@dataclass(slots=True)
class _Code:
    """The project's modules, each read once."""

    roots: tuple[Path, ...]
    _trees: dict[Path, ast.Module | None] = field(default_factory=dict)

    def tree(self, file: Path) -> ast.Module:
        if file not in self._trees:
            self._trees[file] = parsed(self.text(file))
        return self._trees[file] or ast.Module([], [])

    def may_map(self, file: Path) -> bool:
        """True if the file may contain a model. Most do not and need no parsing."""
        return any(word in self.text(file) for word in MAPPING)

    def text(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise MigopsError(f"cannot be read: {error.strerror}", at=Location(str(file))) from None

    def metadata_of(self, env: Path) -> Key | None:
        """The definition of X in env.py's ``target_metadata = X.metadata``; None without such an assignment."""
        values = [
            node.value
            for node in ast.walk(self.tree(env))
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == "target_metadata" for target in node.targets)
        ]
        if values and all(isinstance(value, ast.Constant) for value in values):
            return NOTHING
        if len(values) != 1 or not isinstance(values[0], ast.Attribute) or values[0].attr != "metadata":
            return None
        return self.key(env, values[0].value)

    def closure(self, start: Path) -> set[Path] | Unknown:
        """Every file of the project that importing ``start`` imports; Unknown if an import is computed."""
        files, computed = self.reached(start)
        return (
            Unknown(f"{computed} computes what is imported, so which models are cannot be told") if computed else files
        )

    def reached(self, start: Path) -> tuple[set[Path], str]:
        """The files reached by imports, and the location (file:line) of the first computed import."""
        files, todo, computed = {start}, [start], ""
        while todo:
            file = todo.pop()
            tree = self.tree(file)
            line = next((node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and _computes(node)), 0)
            if line:
                computed = computed or f"{file}:{line}"
            for node in _run(tree):
                for other in self.imported(file, node):
                    if other not in files:
                        files.add(other)
                        todo.append(other)
        return files, computed

    def imported(self, file: Path, node: ast.AST) -> Iterator[Path]:
        """The project's files that an import statement runs: parent packages, the module, imported modules."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from self.modules(file, alias.name, 0)
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            yield from self.modules(file, name, node.level)
            for alias in node.names:
                yield from self.modules(file, f"{name}.{alias.name}".strip("."), node.level)

    def modules(self, file: Path, dotted: str, level: int) -> Iterator[Path]:
        parts = [part for part in dotted.split(".") if part]
        for root in [file.parents[level - 1]] if level else self.roots:
            if level:
                yield from (candidate for candidate in (root / "__init__.py",) if candidate.is_file())
            for number in range(1, len(parts) + 1):
                folder = root.joinpath(*parts[:number])
                yield from (
                    candidate
                    for candidate in (folder.with_suffix(".py"), folder / "__init__.py")
                    if candidate.is_file()
                )

    def key(self, file: Path, node: ast.expr, depth: int = 0) -> Key | None:
        """The definition of an expression that is a name or ``module.name``."""
        if isinstance(node, ast.Name):
            return self.defined(file, node.id, depth)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = self.defined(file, node.value.id, depth)
            if module and module[1] == "" and module[0]:
                return self.defined(Path(module[0]), node.attr, depth + 1)
            return module  # db.Model: db identifies it
        return None

    def defined(self, file: Path, name: str, depth: int = 0) -> Key | None:
        """The definition of ``name`` in ``file``, imports followed. A module of the project is (its file, '')."""
        if depth > DEEPEST:
            return None
        for node in ast.walk(self.tree(file)):
            for alias in getattr(node, "names", []) if isinstance(node, (ast.Import, ast.ImportFrom)) else []:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    return self.origin(file, node, alias, depth)
        return self.starred(file, name, depth) or (str(file), name)

    def starred(self, file: Path, name: str, depth: int) -> Key | None:
        """The definition of a name that the module gets from an ``import *``."""
        tree = self.tree(file)
        if any(name in _bound(node) for node in tree.body):
            return None
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                module = self.last(file, node.module or "", node.level)
                key = self.defined(module, name, depth + 1) if module else None
                if key and any(name in _bound(each) for each in self.tree(Path(key[0])).body if key[0]):
                    return key
        return None

    def origin(self, file: Path, node: ast.AST, alias: ast.alias, depth: int) -> Key | None:
        if isinstance(node, ast.Import):
            modules = list(self.modules(file, alias.name if alias.asname else alias.name.partition(".")[0], 0))
            return (str(modules[-1]), "") if modules else ("", alias.name)
        if not isinstance(node, ast.ImportFrom):
            return None
        dotted = node.module or ""
        inner = self.last(file, f"{dotted}.{alias.name}".strip("."), node.level)
        if inner is not None:
            return str(inner), ""
        module = self.last(file, dotted, node.level)
        return self.defined(module, alias.name, depth + 1) if module else ("", f"{dotted}.{alias.name}")

    def last(self, file: Path, dotted: str, level: int) -> Path | None:
        """The file of the module itself, not of its parent packages."""
        parts = [part for part in dotted.split(".") if part]
        for root in [file.parents[level - 1]] if level else self.roots:
            folder = root.joinpath(*parts)
            for candidate in (folder.with_suffix(".py"), folder / "__init__.py"):
                if parts and candidate.is_file():
                    return candidate
        return None

    def descends(self, file: Path, node: ast.ClassDef, base: Key, depth: int = 0) -> bool:
        """True if the class inherits from ``base``, directly or through classes of the project."""
        for parent in node.bases:
            key = self.key(file, parent)
            if key == base:
                return True
            if key and key[0] and depth < DEEPEST:
                above = [other for other in _classes(self.tree(Path(key[0]))) if other.name == key[1]]
                if any(self.descends(Path(key[0]), other, base, depth + 1) for other in above if other is not node):
                    return True
        return False


def _run(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes that may run: all except those for type checkers."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in words_in(node.test):
            todo += node.orelse
        else:
            todo += ast.iter_child_nodes(node)


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


def _computes(node: ast.Call) -> bool:
    called = node.func
    if isinstance(called, ast.Name):
        return called.id in (*_COMPUTED, "__import__", "exec")
    return isinstance(called, ast.Attribute) and called.attr in _COMPUTED


def _bound(node: ast.stmt) -> list[str]:
    """The names that a top-level statement defines."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return [node.name]
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [target.id for target in targets if isinstance(target, ast.Name)]
    return []
