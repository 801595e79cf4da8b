"""Schema changes at the start of a Python program, read from its text. It is never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from migops.core.quiet import no_warnings

_BROAD = frozenset(("Exception", "BaseException"))
_STOPS = frozenset(("exit", "_exit", "abort"))
_STARTS = ("startup", "on_event", "before_serving", "before_first_request", "lifespan")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changes the schema. ``upgrade``: Alembic's upgrade; otherwise ``create_all``.

    ``swallowed`` describes how its failure is ignored; '' if it stops the program.
    """

    line: int
    text: str
    upgrade: bool
    swallowed: str = ""


def parsed(text: str | bytes) -> ast.Module | None:
    """The program's tree; None if it is not valid Python."""
    try:
        with no_warnings():  # an invalid escape in the program is not an error here
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def reached(tree: ast.Module, callee: str = "") -> list[ast.AST]:
    """The module and its functions that may run at its start: named at its top level or by these, or a framework's
    start hooks. ``callee`` is a function that the command names (``app:create_app``)."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, _FUNCTION)}
    todo = [callee, *_names_at(tree), *(name for name, node in functions.items() if _is_hook(node))]
    names: set[str] = set()
    while todo:
        name = todo.pop()
        if name in functions and name not in names:
            names.add(name)
            todo += [inner.id for inner in ast.walk(functions[name]) if isinstance(inner, ast.Name)]
            todo += [inner.attr for inner in ast.walk(functions[name]) if isinstance(inner, ast.Attribute)]
    return [tree, *(functions[name] for name in sorted(names))]


def words_in(node: ast.AST) -> Iterator[str]:
    """The names, attributes and texts of an expression. (``ast.unparse`` could exceed the recursion limit.)"""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def created(tree: ast.Module, text: str) -> list[Call]:
    """Every ``create_all`` of the module, at any level."""
    modules, lines = _Modules.of(tree), text.splitlines()
    changes: list[Call | None] = []
    for top in (tree, *(node for node in ast.walk(tree) if isinstance(node, _FUNCTION))):
        scope = Scope.of(top, modules, lines)
        changes += [scope.change(node) for node in _own(top) if isinstance(node, ast.Call)]
    calls = {call.line: call for call in changes if call is not None and not call.upgrade}
    return [calls[line] for line in sorted(calls)]


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
FUNCTION = _FUNCTION


@dataclass(frozen=True, slots=True)
class _Modules:
    """The imports of a module, by local name: ``{"command": "alembic.command"}``."""

    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: ast.Module) -> _Modules:
        names: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    names[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return cls(names)

    def full(self, node: ast.expr) -> str:
        """The dotted name of an expression, with imports resolved; '' if it is not a name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.names.get(node.id, node.id), *reversed(parts)])


Modules = _Modules
"""For readers of other calls."""


def _names_at(tree: ast.Module) -> Iterator[str]:
    """The names that the module's top level uses."""
    for node in _own(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions that it defines."""
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, _FUNCTION):
            todo += node.decorator_list
        elif not isinstance(node, ast.Lambda):
            todo += ast.iter_child_nodes(node)


def _is_hook(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True if a decorator registers the function with a framework to run at start."""
    return any(start in word for each in node.decorator_list for word in words_in(each) for start in _STARTS)


def _kind(node: ast.Call, modules: _Modules) -> str | None:
    name = modules.full(node.func)
    if name in ("alembic.command.upgrade", "flask_migrate.upgrade", "quart_migrate.upgrade"):
        return "upgrade"
    texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if name in ("alembic.config.main", "alembic.config.CommandLine.main"):
        return "upgrade" if "upgrade" in texts else None
    if name.startswith(("subprocess.", "os.system", "asyncio.create_subprocess_")):
        words = " ".join(texts).split()
        return "process" if "alembic" in words and "upgrade" in words else None
    if isinstance(node.func, ast.Attribute) and node.func.attr == "create_all":
        return "create_all"
    handed = node.args[:1] if isinstance(node.func, ast.Attribute) and node.func.attr == "run_sync" else []
    return "create_all" if any(getattr(each, "attr", "") == "create_all" for each in handed) else None


Imports = _Modules
"""For readers that follow a program beyond one module."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A module's or a function's own statements, with what their calls need to be judged."""

    imports: _Modules
    lines: list[str]
    tried: Mapping[int, str]  # the nodes whose failure is ignored, each with a description of the handler
    bare: frozenset[int]  # the expressions whose value nobody uses

    @classmethod
    def of(cls, node: ast.AST, imports: _Modules, lines: list[str]) -> Scope:
        bare = frozenset(id(each.value) for each in _own(node) if isinstance(each, ast.Expr))
        return cls(imports, lines, dict(_tried(node)), bare)

    def change(self, node: ast.Call) -> Call | None:
        """The schema change that a call makes; None if it makes none."""
        kind = _kind(node, self.imports)
        if kind is None:
            return None
        swallowed = self.tried.get(id(node), "")
        if not swallowed and kind == "process" and id(node) in self.bare and not _is_checked(node, self.imports):
            swallowed = "nothing checks its exit code"
        return Call(node.lineno, self.lines[node.lineno - 1].strip(), kind != "create_all", swallowed)


def is_stamp(node: ast.Call, imports: _Modules) -> bool:
    """True for a call that records a revision without running its migration."""
    name = imports.full(node.func)
    if name in ("alembic.command.stamp", "flask_migrate.stamp", "quart_migrate.stamp"):
        return True
    texts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))
    words = {word for text in texts for word in text.split()}
    is_main = name in ("alembic.config.main", "alembic.config.CommandLine.main")
    runs = name.startswith(("subprocess.", "os.system", "asyncio.create_subprocess_"))
    return "stamp" in words and (is_main or (runs and not words.isdisjoint(("alembic", "db"))))


def _is_checked(node: ast.Call, modules: _Modules) -> bool:
    name = modules.full(node.func)
    if name in ("subprocess.check_call", "subprocess.check_output"):
        return True
    return any(
        each.arg == "check" and not (isinstance(each.value, ast.Constant) and each.value.value is False)
        for each in node.keywords
    )


def _tried(scope: ast.AST) -> Iterator[tuple[int, str]]:
    """The nodes whose failure an ``except`` catches and ignores, each with a description of the handler."""
    for node in _own(scope):
        if isinstance(node, ast.Try):
            handler = next((each for each in node.handlers if _is_broad(each)), None)
            if handler is not None and not _goes_out(handler):
                caught = " and ".join(words_in(handler.type)) if handler.type else "everything"
                for statement in node.body:
                    for inner in ast.walk(statement):
                        yield id(inner), f"line {handler.lineno} catches {caught} and continues"


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = [each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)]
    return not _BROAD.isdisjoint(names)


def _goes_out(handler: ast.ExceptHandler) -> bool:
    """True if the handler raises, or ends the program."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call):
            called = node.func
            if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _STOPS:
                return True
    return False
