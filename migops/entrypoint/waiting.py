"""Waits for a server at a container's start: loops in shell and Python, and the programs that only wait."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence

from migops.entrypoint.failing import simple
from migops.entrypoint.program import FUNCTION, words_in
from migops.entrypoint.tree import Compound
from migops.entrypoint.words import unwrapped

_WAITERS = re.compile(r"(wait[-_]?(for|4|until)[-_]?(it|x|ports)?(\.sh)?|wait4x|wait4ports|wait-port)", re.IGNORECASE)
"""Names of well-known programs that wait for a server."""
_SEEMS = re.compile(
    r"(wait|await)[-_]?(for|on|until|4)|(db|database|postgres|pg|mysql)[-_](is[-_])?(ready|wait)|wait[-_](db|database|postgres|pg|mysql)|pre[-_]?start",
    re.IGNORECASE,
)
"""Names of scripts that wait for a server, as far as a name tells; of interest only where the file was not read."""
_PROBES = frozenset(
    (
        *("pg_isready", "psql", "nc", "ncat", "netcat", "telnet", "curl", "wget", "mysqladmin", "mariadb-admin"),
        *("mysql", "mariadb", "alembic", "flask", "timeout", "ping"),
    )
)
_PROBED = re.compile(
    r"connect|execute|^exec$|^begin$|scalar|cursor|^ping|ready|check|acquire|create_pool|upgrade|select", re.IGNORECASE
)
_RETRIES = frozenset(("retry", "on_exception", "on_predicate", "retry_with_backoff"))
_ATTEMPTS = frozenset(("Retrying", "AsyncRetrying", "retry_context"))
_LEAVES = frozenset(("break", "exit", "return"))


def is_waiter(words: Sequence[str]) -> bool:
    """True for a program that waits for a server by its purpose: ``wait-for-it``, ``dockerize -wait``."""
    words = list(words)
    while words:
        name = posixpath.basename(words[0])
        if name == "dockerize":
            return any(word.startswith(("-wait", "--wait")) and "retry" not in word for word in words)
        if _WAITERS.fullmatch(name):
            return True
        following = list(unwrapped(words[1:])) if words[1:] and tuple(words) != unwrapped(words) else []
        words = following
    return False


def seems_to_wait(words: Sequence[str]) -> bool:
    """True if a file that could not be read has the name of a waiting script."""
    return any(_SEEMS.search(posixpath.basename(word)) for word in words if not word.startswith("-"))


def is_wait(loop: Compound) -> bool:
    """True for a shell's loop that asks a server until it answers."""
    if loop.kind not in ("while", "until", "for"):
        return False
    tests = [command.words for test in loop.tests for command in simple(test)]
    body = [command.words for branch in loop.branches for command in simple(branch.body)]
    pauses = any(words[0] == "sleep" for words in body) or any(words[0] in ("timeout", "sleep") for words in tests)
    asks_in_test = any(_is_probe(words) for words in tests) or any(
        "/dev/tcp/" in each.condition for each in loop.branches
    )
    if asks_in_test:
        return True
    leaves = any(words[0] in _LEAVES for words in body) or (loop.kind != "for" and tests not in ([("true",)], [(":",)]))
    return pauses and leaves and any(_is_probe(words) for words in body)


def _is_probe(words: Sequence[str]) -> bool:
    left = unwrapped(words)
    name = posixpath.basename(left[0]) if left else ""
    return name in _PROBES or re.fullmatch(r"python[0-9.]*", name) is not None


def words_of(loop: Compound) -> tuple[str, ...]:
    """All words of a loop: among them the host that it waits for, if it is written there."""
    parts = (*loop.tests, *(branch.body for branch in loop.branches))
    words = [word for part in parts for command in simple(part) for word in command.words]
    return (*words, *(branch.condition for branch in loop.branches))


def python_waits(scope: ast.AST, called: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The loops and retried functions of a scope that wait for a server. ``called``: functions that loops may call."""
    decorators = scope.decorator_list if isinstance(scope, FUNCTION) else []
    if any(not _RETRIES.isdisjoint(words_in(each)) for each in decorators) and _asks(scope, called):
        yield scope
    for node in ast.walk(scope):
        if isinstance(node, (ast.For, ast.AsyncFor)) and not _ATTEMPTS.isdisjoint(words_in(node.iter)):
            if _asks(node, called):
                yield node
        elif isinstance(node, (ast.While, ast.For)) and _pauses(node) and _ends(node) and _asks(node, called):
            yield node


def _pauses(loop: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) and _name(node) == "sleep" for node in ast.walk(loop))


def _ends(loop: ast.While | ast.For) -> bool:
    """True if the loop ends by itself: a worker's endless loop waits for nothing."""
    always = isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant)
    return not always or any(isinstance(node, (ast.Break, ast.Return)) for node in ast.walk(loop))


def _asks(scope: ast.AST, called: Sequence[ast.AST]) -> bool:
    names = {_name(node) for node in ast.walk(scope) if isinstance(node, ast.Call)}
    inner = [each for each in called if getattr(each, "name", "") in names]
    names |= {_name(node) for each in inner for node in ast.walk(each) if isinstance(node, ast.Call)}
    return any(_PROBED.search(name) for name in names)


def _name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
