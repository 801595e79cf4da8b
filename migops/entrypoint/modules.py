"""The Python modules of a container, found as Python finds them and read as text: definitions and imports."""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from migops.core.errors import MigopsError
from migops.entrypoint.model import File
from migops.entrypoint.program import FUNCTION, Imports, parsed

MOST = 1000  # modules that are read
_LOOKUPS = 20_000  # paths that are looked up; most names are of installed packages, which are not there
_DEEPEST = 8  # steps of a name from module to module


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A module's text. ``path`` is its path in the container, ``at`` the file for messages."""

    path: str
    at: str
    place: str
    tree: ast.Module
    lines: list[str]
    imports: Imports  # by local name
    names: dict[str, ast.AST]  # a definition or an import of each name; the last one at the top level counts
    functions: list[ast.AST]  # at any level


@dataclass(frozen=True, slots=True)
class Defined:
    """The definition of a name: a function, a class, an assigned expression, or a module as a whole (its tree)."""

    module: Module
    node: ast.AST


@dataclass(slots=True)
class Modules:
    """The modules below ``roots``, each read once. Installed packages have no text here: their names are None."""

    files: Callable[[str], File | None]
    roots: Sequence[str]
    deep: bool = True  # False: imports are not followed, because each file costs a request
    unread: list[str] = field(default_factory=list)
    _known: dict[str, Module | None] = field(default_factory=dict)
    _read_so_far: int = 0

    def open(self, path: str) -> Module | None:
        """The module in this file; None if there is no such file, or it is not Python."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> Module | None:
        if self._read_so_far == MOST or len(self._known) == _LOOKUPS:
            self.unread.append(f"more than {MOST} modules are imported, the rest was not followed")
        if self._read_so_far >= MOST or len(self._known) >= _LOOKUPS:
            return None
        try:
            file = self.files(path)
        except MigopsError as error:
            if not any(each.endswith(f": {error}") for each in self.unread):
                self.unread.append(f"{path}: {error}")
            return None
        if file is None:
            return None
        self._read_so_far += 1
        return of_text(file.content, path, file.at, file.place)

    def imported(self, module: Module, node: ast.AST) -> Iterator[Module]:
        """The modules that an import statement runs: parent packages, the module, imported modules."""
        if not self.deep:
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from self._chain(module, alias.name, 0)
        elif isinstance(node, ast.ImportFrom):
            yield from self._chain(module, node.module or "", node.level)
            for alias in node.names:
                inner = self.find(module, f"{node.module or ''}.{alias.name}".strip("."), node.level)
                if inner is not None:
                    yield inner

    def parents(self, dotted: str) -> Iterator[Module]:
        """The packages that Python imports before the module of this name."""
        if self.deep and "." in dotted:
            yield from self._chain(None, dotted.rpartition(".")[0], 0)

    def _chain(self, module: Module | None, dotted: str, level: int) -> Iterator[Module]:
        parts = dotted.split(".") if dotted else []
        for number in range(0 if level else 1, len(parts) + 1):
            inner = self.find(module, ".".join(parts[:number]), level)
            if inner is not None:
                yield inner

    def find(self, module: Module | None, dotted: str, level: int = 0) -> Module | None:
        """The module of a dotted name. ``module`` has the import, whose ``level`` counts its leading dots."""
        roots = self.roots if self.deep and dotted.partition(".")[0] not in sys.stdlib_module_names else ()
        if level and module is not None:
            folder = posixpath.dirname(module.path)
            for _ in range(level - 1):
                folder = posixpath.dirname(folder)
            roots = [folder]
        for root in roots:
            below = posixpath.normpath(posixpath.join(root, *dotted.split(".")))
            for path in (f"{below}/__init__.py", f"{below}.py") if dotted else (f"{below}/__init__.py",):
                found = self.open(path)
                if found is not None:
                    return found
        return None

    def defined(self, module: Module, name: str, depth: int = 0) -> Defined | None:
        """The definition of ``name`` in ``module``, imports followed; None for names of installed packages."""
        node = module.names.get(name)
        if depth > _DEEPEST or node is None:
            return self._starred(module, name, depth) if depth <= _DEEPEST else None
        if isinstance(node, ast.Import):
            alias = next(each for each in node.names if (each.asname or each.name.partition(".")[0]) == name)
            dotted = alias.name if alias.asname else alias.name.partition(".")[0]
            return _whole(self.find(module, dotted))
        if isinstance(node, ast.ImportFrom):
            alias = next(each for each in node.names if (each.asname or each.name) == name)
            inner = self.find(module, f"{node.module or ''}.{alias.name}".strip("."), node.level)
            if inner is not None:
                return _whole(inner)
            origin = self.find(module, node.module or "", node.level)
            return self.defined(origin, alias.name, depth + 1) if origin else None
        return Defined(module, node)

    def _starred(self, module: Module, name: str, depth: int) -> Defined | None:
        for node in module.tree.body:
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                origin = self.find(module, node.module or "", node.level)
                found = self.defined(origin, name, depth + 1) if origin else None
                if found is not None:
                    return found
        return None

    def resolved(self, module: Module, expression: ast.expr) -> Defined | None:
        """The definition of ``name`` or ``package.module.name``; None if it is not one of these."""
        steps: list[str] = []
        while isinstance(expression, ast.Attribute):
            steps.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name):
            return None
        definition = self.defined(module, expression.id)
        dotted = expression.id
        for step in reversed(steps):
            if definition is None or not isinstance(definition.node, ast.Module):
                return None
            dotted = f"{dotted}.{step}"
            inner = self.defined(definition.module, step)
            whole = self.find(module, dotted) if inner is None else None
            definition = _whole(whole) if whole else inner
        return definition


def of_text(content: bytes | str, path: str, at: str, place: str) -> Module | None:
    """The module with this text; None if it is not Python."""
    tree = parsed(content)
    if tree is None:
        return None
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTION)]
    return Module(path, at, place, tree, text.splitlines(), Imports.of(tree), dict(_names(tree)), list(functions))


def _whole(module: Module | None) -> Defined | None:
    return Defined(module, module.tree) if module is not None else None


def _names(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The names of a module: first those inside of functions, then, overriding them, those of the top level."""
    yield from ((name, node) for node in ast.walk(tree) for name in _bound(node, inner=True))
    todo: list[ast.AST] = list(reversed(tree.body))
    while todo:
        node = todo.pop()
        yield from ((name, node if isinstance(node, _OWN) else _value(node)) for name in _bound(node, inner=False))
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            todo += [each for each in ast.iter_child_nodes(node) if isinstance(each, (ast.stmt, ast.ExceptHandler))][
                ::-1
            ]


_OWN = (*FUNCTION, ast.ClassDef, ast.Import, ast.ImportFrom)


def _bound(node: ast.AST, *, inner: bool) -> list[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [each.asname or (each.name.partition(".")[0] if isinstance(node, ast.Import) else each.name)
                for each in node.names]  # fmt: skip
    if isinstance(node, (*FUNCTION, ast.ClassDef)):
        return [node.name]
    if inner:
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _value(node: ast.AST) -> ast.AST:
    return getattr(node, "value", None) or ast.Constant(None)
