"""Values of a module's top-level names after it has run, as far as its text alone determines them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that only running the module could determine, and its code."""

    source: ast.AST | str

    @property
    def text(self) -> str:
        """The first line of that code, shortened. Computed on demand, as most names are never shown."""
        try:
            text = self.source if isinstance(self.source, str) else ast.unparse(self.source).partition("\n")[0]
        except RecursionError:
            text = "a deep expression"
        return text if len(text) <= 60 else text[:57] + "..."


_MAX_DEPTH = 20  # levels of an expression; deeper ones are not read

Constant = object
"""None, text, a number…; a tuple of those for a tuple, list or set; or Computed."""


@dataclass(slots=True)
class Names:
    """A module's names: its docstring, each name's last value and line, and the presence of a ``downgrade``."""

    docstring: str = ""
    has_downgrade: bool = False
    empty: set[str] = field(default_factory=set)
    """Functions that are there and do nothing, of ``upgrade`` and ``downgrade``: as of a merge."""
    star: tuple[str, int] | None = None  # the last `import *` and its line, a possible source of unbound names
    bound: dict[str, tuple[Constant, int]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.bound

    def value(self, name: str) -> Constant:
        """The value bound to ``name``; None if it is unbound."""
        return self.bound[name][0] if name in self.bound else None

    def line(self, name: str) -> int:
        """The line of the last assignment, 0 without one."""
        return self.bound[name][1] if name in self.bound else 0


def read_names(module: ast.Module) -> Names:
    """Follow the module's top-level statements in order.

    Assignments of constants, and of names of constants assigned before, are followed. Any other binding of a name (an
    import, a branch, a loop, a call) makes it Computed.
    """
    names = Names(ast.get_docstring(module) or "")
    for statement in module.body:
        if isinstance(statement, ast.Assign):
            value = _evaluate(statement.value, names)
            for target in statement.targets:
                _assign(target, value, statement, names)
        elif isinstance(statement, ast.AnnAssign):
            if statement.value is not None:
                _assign(statement.target, _evaluate(statement.value, names), statement, names)
        elif isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            names.star = (f"from {'.' * statement.level}{statement.module or ''} import *", statement.lineno)
        else:
            _other(statement, names)
    return names


def _assign(target: ast.expr, value: Constant, statement: ast.stmt, names: Names) -> None:
    if isinstance(target, ast.Name):
        names.bound[target.id] = (value, statement.lineno)
        names.empty.discard(target.id)
        names.has_downgrade |= target.id == "downgrade"
    elif isinstance(target, (ast.Tuple, ast.List)):
        parts = value if isinstance(value, tuple) and len(value) == len(target.elts) else None
        for index, element in enumerate(target.elts):
            _assign(element, parts[index] if parts else Computed(statement), statement, names)


def _other(statement: ast.stmt, names: Names) -> None:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and statement.name == "downgrade":
        names.has_downgrade = not _does_nothing(statement.body)
    names.empty -= set(_bound_in(statement))
    if isinstance(statement, ast.FunctionDef) and not statement.decorator_list and _is_empty(statement.body):
        names.empty |= {statement.name} & {"upgrade", "downgrade"}
    for name in (*_bound_in(statement), *_changed_in(statement, names)):
        names.bound[name] = (Computed(statement), statement.lineno)
        names.has_downgrade |= name == "downgrade" and not isinstance(statement, ast.FunctionDef)


def _bound_in(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds in its own scope, at any depth; not in bodies of functions and classes."""
    todo: list[ast.AST] = [node]
    while todo:
        inner = todo.pop()
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield inner.name
            continue
        if isinstance(inner, ast.Name):
            if not isinstance(inner.ctx, ast.Load):
                yield inner.id
        elif isinstance(inner, ast.alias):
            yield inner.asname or inner.name.partition(".")[0]
        elif isinstance(inner, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and inner.name:
            yield inner.name
        elif isinstance(inner, ast.MatchMapping) and inner.rest:
            yield inner.rest
        if not isinstance(inner, ast.Lambda):
            todo.extend(ast.iter_child_nodes(inner))


def _changed_in(statement: ast.stmt, names: Names) -> Iterator[str]:
    """Names of sequences that a call statement may change: ``down_revision.append("b")``."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Name) and isinstance(names.value(inner.id), tuple):
                yield inner.id


def _evaluate(node: ast.expr, names: Names, depth: int = 0) -> Constant:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.value(node.id) if node.id in names else Computed(node.id)
    if depth < _MAX_DEPTH:
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            items = tuple(_evaluate(item, names, depth + 1) for item in node.elts)
            return Computed(node) if any(isinstance(item, Computed) for item in items) else items
        if isinstance(node, ast.JoinedStr) and all(isinstance(part, ast.Constant) for part in node.values):
            return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = _evaluate(node.left, names, depth + 1), _evaluate(node.right, names, depth + 1)
            if isinstance(left, str) and isinstance(right, str):
                return left + right
    return Computed(node)


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(isinstance(statement, ast.Raise) or _is_empty([statement]) for statement in body)


def _is_empty(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (isinstance(statement, ast.Return) and statement.value is None)
        for statement in body
    )
