"""The project's Python modules as text: imports and the definitions of names. Nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.entrypoint.program import parsed, words_in

DEEPEST = 12  # steps of a name from module to module, or of inheritance
_COMPUTED = frozenset(("import_module", "walk_packages", "iter_modules", "run_path", "run_module"))

Key = tuple[str, str]
"""The definition of a name: the module's file and the name in it; '' and the import's text for installed packages."""


@dataclass(frozen=True, slots=True)
class EnvironmentCode:
    """The code that env.py imports, on the host."""

    env: Path
    roots: tuple[Path, ...]
    """The folders of imports."""
    files: Callable[[], Iterable[Path]] = lambda: ()
    """All modules of the application."""
    env_files: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """The variables of the ``.env`` files that the service's containers have, by the file's name."""


@dataclass(slots=True)
class ProjectCode:
    """The project's modules, each read once."""

    roots: tuple[Path, ...]
    _trees: dict[Path, ast.Module | None] = field(default_factory=dict)

    def tree(self, file: Path) -> ast.Module:
        """The module's syntax tree; an empty one for invalid Python."""
        if file not in self._trees:
            self._trees[file] = parsed(self.text(file))
        return self._trees[file] or ast.Module([], [])

    def put(self, file: Path, tree: ast.Module | None) -> None:
        """Use this tree for the module, instead of the one of its file."""
        self._trees[file] = tree

    def text(self, file: Path) -> bytes:
        """The module's bytes. Raises MigopsError if it cannot be read."""
        try:
            return file.read_bytes()
        except OSError as error:
            raise MigopsError(f"cannot be read: {error.strerror}", at=Location(str(file))) from None

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
        """The project's files of a dotted name: parent packages, then the module."""
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
        """The definition of an imported name."""
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
