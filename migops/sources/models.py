"""Models that env.py does not import, so that Alembic does not know them: told from the texts, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Location, Unknown
from migops.entrypoint.program import parsed, words_in

DEEPEST = 12  # times that a name is handed on from module to module, or a class inherits
_COMPUTED = frozenset(("import_module", "walk_packages", "iter_modules", "run_path", "run_module"))

MAPPING = (b"__tablename__", b"__table__", b"table=True", b"table = True")
"""What a file that maps a table has in its text."""

Key = tuple[str, str]
"""Where a name is defined: the module's file, and its name there; '' and the import's words for what is installed."""

NOTHING: Key = ("", "")  # None is given to Alembic, which MIG506 says


@dataclass(frozen=True, slots=True)
class Model:
    """A class that maps a table, and where it stands."""

    name: str
    at: Location


def unimported(env: Path, roots: Sequence[Path], files: Iterable[Path]) -> tuple[Model, ...] | Unknown:
    """The models below the Base that env.py gives to Alembic, in those of ``files`` that it does not lead to.

    ``roots`` are the folders that imports start from. Unknown where an import on the way is computed, or where env.py's
    ``target_metadata`` is not the ``metadata`` of one name. Raises MigopsError where a file cannot be read.
    """
    code = _Code(tuple(roots))
    base = code.metadata_of(env)
    if base == NOTHING:
        return ()
    if base is None:
        return Unknown(f"{env} does not set target_metadata = NAME.metadata, so the models cannot be determined")
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
    """The project's files that env.py runs by its imports, itself among them; and where one is computed, which may run
    more ('' where none is). Raises MigopsError where a file cannot be read.
    """
    found, computed = _Code(tuple(roots)).reached(env)
    return frozenset(found), computed


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
        """Whether it is worth parsing: most modules have no model."""
        return any(word in self.text(file) for word in MAPPING)

    def text(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise MigopsError(f"cannot be read: {error.strerror}", at=Location(str(file))) from None

    def metadata_of(self, env: Path) -> Key | None:
        """What ``target_metadata = X.metadata`` in env.py calls X, where that is defined; None where it is not so."""
        found = [
            node.value
            for node in ast.walk(self.tree(env))
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == "target_metadata" for target in node.targets)
        ]
        if found and all(isinstance(value, ast.Constant) for value in found):
            return NOTHING
        if len(found) != 1 or not isinstance(found[0], ast.Attribute) or found[0].attr != "metadata":
            return None
        return self.key(env, found[0].value)

    def closure(self, start: Path) -> set[Path] | Unknown:
        """Every file of the project that importing ``start`` imports; Unknown where an import is computed."""
        found, computed = self.reached(start)
        return (
            Unknown(f"{computed} computes its imports, so the imported models cannot be determined")
            if computed
            else found
        )

    def reached(self, start: Path) -> tuple[set[Path], str]:
        """The files that can be followed, and the first place (file:line) where an import is computed."""
        found, todo, computed = {start}, [start], ""
        while todo:
            file = todo.pop()
            tree = self.tree(file)
            line = next((node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and _computes(node)), 0)
            if line:
                computed = computed or f"{file}:{line}"
            for node in _run(tree):
                for other in self.imported(file, node):
                    if other not in found:
                        found.add(other)
                        todo.append(other)
        return found, computed

    def imported(self, file: Path, node: ast.AST) -> Iterator[Path]:
        """The project's files that an import statement runs: packages on the way, the module, modules named in it."""
        if isinstance(node, ast.Import):
            for each in node.names:
                yield from self.modules(file, each.name, 0)
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            yield from self.modules(file, name, node.level)
            for each in node.names:
                yield from self.modules(file, f"{name}.{each.name}".strip("."), node.level)

    def modules(self, file: Path, dotted: str, level: int) -> Iterator[Path]:
        parts = [part for part in dotted.split(".") if part]
        for root in [file.parents[level - 1]] if level else self.roots:
            if level:
                yield from (each for each in (root / "__init__.py",) if each.is_file())
            for number in range(1, len(parts) + 1):
                folder = root.joinpath(*parts[:number])
                yield from (each for each in (folder.with_suffix(".py"), folder / "__init__.py") if each.is_file())

    def key(self, file: Path, node: ast.expr, depth: int = 0) -> Key | None:
        """Where the name (or ``module.name``) that an expression is was defined."""
        if isinstance(node, ast.Name):
            return self.defined(file, node.id, depth)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = self.defined(file, node.value.id, depth)
            if module and module[1] == "" and module[0]:
                return self.defined(Path(module[0]), node.attr, depth + 1)
            return module  # db.Model: what counts is db
        return None

    def defined(self, file: Path, name: str, depth: int = 0) -> Key | None:
        """Where ``name``, as ``file`` has it, comes from. A module of the project is (its file, '')."""
        if depth > DEEPEST:
            return None
        for node in ast.walk(self.tree(file)):
            for alias in getattr(node, "names", []) if isinstance(node, (ast.Import, ast.ImportFrom)) else []:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    return self.origin(file, node, alias, depth)
        return self.starred(file, name, depth) or (str(file), name)

    def starred(self, file: Path, name: str, depth: int) -> Key | None:
        """Where a name comes from that the module itself does not bind, but what it imports with ``*`` does."""
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
        """The file of the module itself, not of the packages above it."""
        parts = [part for part in dotted.split(".") if part]
        for root in [file.parents[level - 1]] if level else self.roots:
            folder = root.joinpath(*parts)
            for each in (folder.with_suffix(".py"), folder / "__init__.py"):
                if parts and each.is_file():
                    return each
        return None

    def descends(self, file: Path, node: ast.ClassDef, base: Key, depth: int = 0) -> bool:
        """Whether the class is below ``base``, itself or through classes of the project."""
        for each in node.bases:
            key = self.key(file, each)
            if key == base:
                return True
            if key and key[0] and depth < DEEPEST:
                above = [other for other in _classes(self.tree(Path(key[0]))) if other.name == key[1]]
                if any(self.descends(Path(key[0]), other, base, depth + 1) for other in above if other is not node):
                    return True
        return False


def _run(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements that may run: all but those for type checkers."""
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
    """Whether the class itself names a table: ``__tablename__``, ``__table__``, SQLModel's ``table=True``."""
    named = [
        target.id
        for each in node.body
        if isinstance(each, (ast.Assign, ast.AnnAssign))
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
        if isinstance(target, ast.Name)
    ]
    table = [each.value for each in node.keywords if each.arg == "table"]
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
