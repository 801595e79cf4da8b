"""Reads from env.py's text how it obtains the database URL. The file is never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migops.migrations.env_script import called, parsed, sources

_OPTION = "sqlalchemy.url"
_FROM_CONFIG = ("engine_from_config", "async_engine_from_config")
_CREATE = ("create_engine", "create_async_engine")
_ELSEWHERE = ("get_x_argument", "attributes", "current_app", "get_engine")
"""Names by which env.py may receive a URL or a connection that its own text does not determine."""


@dataclass(frozen=True, slots=True)
class UrlSource:
    """The sources of env.py's database URL."""

    reads_ini: bool  # an engine is created from the configuration's section
    set_at: int  # the line that sets the URL from another source; 0 if there is none
    variables: tuple[str, ...]  # the environment variables that the URL is read from by name
    settled: bool  # the text has no other possible source of a URL or a connection

    @property
    def needs_ini(self) -> bool:
        """True if Alembic fails when the configuration has no ``sqlalchemy.url``."""
        return self.settled and self.reads_ini and not self.set_at


def url_source(source: str) -> UrlSource:
    """Read the text of an env.py. Text that is not valid Python gives an unsettled result."""
    tree = parsed(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    reads = any(called(node) in _FROM_CONFIG for node in calls)
    given = sorted(_given(tree, calls), key=lambda pair: pair[0])
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    settled = bool(tree.body) and names.isdisjoint(_ELSEWHERE) and not _imports_engine(names)
    variables = [name for _, value in given for each in sources(value, tree) for name in _variables(each)]
    return UrlSource(reads, given[0][0] if given else 0, tuple(dict.fromkeys(variables)), settled)


def _given(tree: ast.Module, calls: list[ast.Call]) -> Iterator[tuple[int, ast.expr]]:
    """The lines that set a URL other than the configuration's own, each with the expression."""
    for node in calls:
        name = called(node)
        if name in ("set_main_option", "set_section_option") and any(_is_option(inner) for inner in node.args):
            yield node.lineno, node.args[-1]
        elif name in _CREATE and node.args and not _is_of_ini(node.args[0], tree):
            yield node.lineno, node.args[0]
        elif name in _FROM_CONFIG:
            yield from ((node.lineno, inner.value) for inner in node.keywords if inner.arg == "url")
            if node.args and not _is_of_ini(node.args[0], tree):
                yield node.lineno, node.args[0]
        elif name in ("update", "dict", "setdefault") and any(_is_option(inner) for inner in ast.walk(node)):
            yield node.lineno, node
    for inner in ast.walk(tree):
        targets = inner.targets if isinstance(inner, ast.Assign) else []
        if isinstance(inner, ast.Assign) and any(
            isinstance(one, ast.Subscript) and _is_option(one.slice) for one in targets
        ):
            yield inner.lineno, inner.value
        elif isinstance(inner, ast.Dict) and any(key is not None and _is_option(key) for key in inner.keys):
            yield inner.lineno, inner


def _is_option(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in (_OPTION, "url")


def _is_of_ini(value: ast.expr, tree: ast.Module) -> bool:
    """True if an expression comes from the configuration (``get_section``, ``get_main_option``)."""
    return any(
        isinstance(node, ast.Call) and called(node) in ("get_section", "get_main_option", "get_section_option")
        for expression in sources(value, tree)
        for node in ast.walk(expression)
    )


def _variables(value: ast.expr) -> Iterator[str]:
    """The environment variables that an expression names: ``os.environ["X"]``, ``os.environ.get("X")``, ``getenv``."""
    for node in ast.walk(value):
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript) and _is_environ(node.value):
            key = node.slice
        elif isinstance(node, ast.Call) and node.args:
            function = node.func
            of_environ = isinstance(function, ast.Attribute) and function.attr == "get" and _is_environ(function.value)
            key = node.args[0] if of_environ or called(node) == "getenv" else None
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value


def defaults(source: str) -> Iterator[tuple[str, str, int]]:
    """The environment variables with a literal as fallback: name, literal, line.

    ``os.getenv("X", "y")``, ``os.environ.get("X", "y")``, and either of them without default, followed by ``or "y"``.
    """
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Call) and len(node.args) > 1:
            read, value = node, node.args[1]
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and isinstance(node.values[0], ast.Call):
            read, value = node.values[0], node.values[-1]
        else:
            continue
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            for name in _variables(ast.Call(read.func, read.args[:1], [])):
                yield name, value.value, read.lineno


def _is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )


def _imports_engine(names: set[str]) -> bool:
    """True if env.py uses an engine that another module created."""
    return "engine" in names and not names & {*_CREATE, *_FROM_CONFIG}
