"""Commands of a start that write Alembic's version table or new revisions, without running a migration."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from migops.core.model import Location
from migops.entrypoint.program import Modules, reached
from migops.entrypoint.words import unwrapped

_SQL = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|DROP\s+TABLE(?:\s+IF\s+EXISTS)?)\s+"
    r"(?:\"?\w+\"?\.)?[\"`]?alembic_version\b",
    re.IGNORECASE,
)
_HERE = re.compile(r"""<<-?[ \t]*['"]?(\w+)['"]?""")
_CLIENTS = frozenset(("psql", "mysql", "mariadb", "sqlite3"))
_FIRST_WORDS = 20  # of a line, among which the program is
_PRINTERS = frozenset(("echo", "printf"))
_ALEMBIC_VERBS = frozenset(("upgrade", "downgrade", "stamp", "revision", "current", "heads", "history", "check"))
_CALLS = {
    "alembic.command.stamp": "stamp", "flask_migrate.stamp": "stamp", "quart_migrate.stamp": "stamp",
    "alembic.command.revision": "revision", "flask_migrate.migrate": "revision", "flask_migrate.revision": "revision",
}  # fmt: skip
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MISSING = re.compile(r"! *-[defs]\b|-z \"?(\$\(|`)|! ls\b")
"""Tests for files that are not there yet."""


class Writes(Enum):
    """The kind of such a command."""

    STAMP = "stamp"  # records revisions as applied
    REVISION = "revision"  # writes a new revision file
    SQL = "sql"  # changes the version table by a statement of its own


@dataclass(frozen=True, slots=True)
class VersionWrite:
    """One such command."""

    at: Location
    place: str  # as of a ``Change``
    text: str
    kind: Writes
    condition: str = ""  # as written; '' if it certainly runs

    @property
    def is_usual(self) -> bool:
        """True if it runs at every start, or where files are missing that no image brings."""
        return not self.condition or bool(_MISSING.search(self.condition))


def kind_of(words: Sequence[str], *, piped: bool = False) -> Writes | None:
    """The kind of a shell's command; ``piped``: its output goes into another command. None for any other command."""
    words = unwrapped(words)
    name = posixpath.basename(words[0]) if words else ""
    if name in _CLIENTS or (name in _PRINTERS and piped):
        return Writes.SQL if any(_SQL.search(word) for word in words[1:]) else None
    if "--sql" in words:
        return None  # only prints
    return {"stamp": Writes.STAMP, "revision": Writes.REVISION}.get(_verb(name, words))


def in_here_documents(text: str) -> Iterator[tuple[int, str]]:
    """The statements in here-documents of SQL clients at the top level of a shell script: line, and its text."""
    end, is_sql = "", False
    for number, line in enumerate(text.splitlines(), 1):
        if end:
            if is_sql and _SQL.search(line.partition("--")[0]):
                yield number, line.strip()
            end = "" if line.strip("\t ") == end else end
        elif opened := _HERE.search(line):
            words = unwrapped(tuple(line[: opened.start()].split())[:_FIRST_WORDS])
            at_top = not line.startswith((" ", "\t", "#"))
            end, is_sql = opened[1], at_top and bool(words) and posixpath.basename(words[0]) in _CLIENTS


def in_statements(text: str) -> Iterator[tuple[int, str]]:
    """The lines of an SQL text that change the version table, with their numbers."""
    for number, line in enumerate(text.splitlines(), 1):
        if _SQL.search(line.partition("--")[0]):
            yield number, line.strip()


def sql_file(words: Sequence[str]) -> str:
    """The file that an SQL client runs (``psql -f FILE``); '' if it runs none."""
    words = unwrapped(words)
    if not words or posixpath.basename(words[0]) not in _CLIENTS:
        return ""
    for word, after in pairwise((*words, "")):
        if word in ("-f", "--file"):
            return after
        if word.startswith("--file="):
            return word.partition("=")[2]
    return ""


def _verb(name: str, words: Sequence[str]) -> str:
    """Alembic's verb, or its name for Flask-Migrate's; '' for another program."""
    rest = words[1:]
    if re.fullmatch(r"python[0-9.]*", name) and rest[:1] == ("-m",):
        name, rest = "".join(rest[1:2]).removesuffix(".config"), rest[2:]
    if re.fullmatch(r"alembic(-[0-9.]+)?", name):
        return next((word for word in rest if word in _ALEMBIC_VERBS), "")
    if "db" in rest[:2] and (name in ("flask", "quart", "manage.py") or any("manage.py" in word for word in rest[:1])):
        verb = next((word for word in rest[rest.index("db") + 1 :] if not word.startswith("-")), "")
        return "revision" if verb == "migrate" else verb
    return ""


def in_program(tree: ast.Module, text: str, callee: str = "") -> Iterator[tuple[int, str, Writes]]:
    """The lines of a Python program that do so at its start, with their text and kind.

    A call counts only if it certainly runs: a stamp after `create_all` for an empty database is right. A statement that
    changes the version table counts in every function that the start reaches.
    """
    modules, lines = Modules.of(tree), text.splitlines()
    by_line: dict[int, Writes] = {}
    for scope in reached(tree, callee):
        for node in _own(scope):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value):
                by_line[node.lineno] = Writes.SQL
    for node in _certain_nodes(tree, callee):
        if isinstance(node, ast.Call) and (kind := _kind(node, modules)):
            by_line[node.lineno] = kind
    yield from ((line, lines[line - 1].strip(), kind) for line, kind in sorted(by_line.items()))


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without its functions and its documentation."""
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        if not isinstance(node, _DEFINES[:2]):
            yield node
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            todo += [] if is_text else ast.iter_child_nodes(node)


def _kind(node: ast.Call, modules: Modules) -> Writes | None:
    name = modules.full(node.func)
    if name in _CALLS:
        return Writes(_CALLS[name])
    if not name.startswith(("subprocess.", "os.system")):
        return None
    texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return kind_of(" ".join(texts).split())


def _certain_nodes(tree: ast.Module, callee: str) -> Iterator[ast.AST]:
    """The nodes that run at every start: of the top level, and of the functions that certain statements name."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, _DEFINES[:2])}
    nodes = list(_certain(tree.body))
    todo = [callee, *_names(nodes)]
    seen: set[str] = set()
    yield from nodes
    while todo:
        name = todo.pop()
        if name in functions and name not in seen:
            seen.add(name)
            inner = list(_certain(functions[name].body))
            yield from inner
            todo += _names(inner)


def _names(nodes: Sequence[ast.AST]) -> list[str]:
    return [node.id for node in nodes if isinstance(node, ast.Name)] + [
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    ]


def _certain(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of statements that run whenever the first one does. What a condition may skip is left out."""
    for statement in body:
        if isinstance(statement, _DEFINES):
            continue
        if isinstance(statement, ast.If) and _is_main(statement.test):
            yield from _certain(statement.body)
        elif isinstance(statement, (ast.If, ast.While, ast.For, ast.AsyncFor, ast.Match)):
            if any(isinstance(node, _ENDS) for node in ast.walk(statement)):
                return  # the rest may be skipped as well
        elif isinstance(statement, (ast.With, ast.AsyncWith)):
            for item in statement.items:
                yield from ast.walk(item)
            yield from _certain(statement.body)
        elif isinstance(statement, ast.Try):
            yield from _certain([*statement.body, *statement.finalbody])
        else:
            yield from ast.walk(statement)


def _is_main(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))
