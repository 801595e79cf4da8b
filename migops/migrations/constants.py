"""The values that a module's top-level names hold once it was run, as far as its text alone tells them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that only running the module could tell, and the code that it is computed from."""

    source: ast.AST | str

    @property
    def text(self) -> str:
        """The first line of that code, cut short; made only when asked for, as most names interest no one."""
        try:
            text = self.source if isinstance(self.source, str) else ast.unparse(self.source).partition("\n")[0]
        except RecursionError:
            text = "a deep expression"
        return text if len(text) <= 60 else text[:57] + "..."


_MAX_DEPTH = 20  # of an expression; deeper ones are not read

Constant = object
"""None, text, a number…; a tuple of those for a tuple, list or set; or Computed."""


@dataclass(slots=True)
class Names:
    """What a module leaves behind: its docstring, each name's last value and line, and whether it can downgrade."""

    docstring: str = ""
    has_downgrade: bool = False
    star: tuple[str, int] | None = None  # the last `import *` and its line: what is bound nowhere may come from there
    bound: dict[str, tuple[Constant, int]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.bound

    def value(self, name: str) -> Constant:
        """The value bound to ``name``; None where nothing is."""
        return self.bound[name][0] if name in self.bound else None

    def line(self, name: str) -> int:
        """The line of the assignment that counts, 0 where there is none."""
        return self.bound[name][1] if name in self.bound else 0


def read_names(module: ast.Module) -> Names:
    """Follow the module's top-level statements in order.

    Plain assignments of constants are followed, and names of constants assigned before. Whatever else binds a name (an
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
        names.has_downgrade |= target.id == "downgrade"
    elif isinstance(target, (ast.Tuple, ast.List)):
        parts = value if isinstance(value, tuple) and len(value) == len(target.elts) else None
        for index, element in enumerate(target.elts):
            _assign(element, parts[index] if parts else Computed(statement), statement, names)


def _other(statement: ast.stmt, names: Names) -> None:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and statement.name == "downgrade":
        names.has_downgrade = not _does_nothing(statement.body)
    for name in (*_bound_in(statement), *_changed_in(statement, names)):
        names.bound[name] = (Computed(statement), statement.lineno)
        names.has_downgrade |= name == "downgrade" and not isinstance(statement, ast.FunctionDef)


def _bound_in(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds in its own scope, however deep; bodies of functions and classes are not it."""
    todo: list[ast.AST] = [node]
    while todo:
        each = todo.pop()
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield each.name
            continue
        if isinstance(each, ast.Name):
            if not isinstance(each.ctx, ast.Load):
                yield each.id
        elif isinstance(each, ast.alias):
            yield each.asname or each.name.partition(".")[0]
        elif isinstance(each, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and each.name:
            yield each.name
        elif isinstance(each, ast.MatchMapping) and each.rest:
            yield each.rest
        if not isinstance(each, ast.Lambda):
            todo.extend(ast.iter_child_nodes(each))


def _changed_in(statement: ast.stmt, names: Names) -> Iterator[str]:
    """Names of sequences that a bare call may change: ``down_revision.append("b")``."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        for each in ast.walk(statement):
            if isinstance(each, ast.Name) and isinstance(names.value(each.id), tuple):
                yield each.id


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
    return all(
        isinstance(each, (ast.Pass, ast.Raise))
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        or (isinstance(each, ast.Return) and each.value is None)
        for each in body
    )
