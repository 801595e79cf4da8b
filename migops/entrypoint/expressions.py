"""What expressions of Python code ask for, by their words: settings, the environment, the kind of database."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from migops.entrypoint.program import FUNCTION, words_in

KINDS = {
    "sqlite": "sqlite",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_URL = re.compile(r"(sqlite|postgres|postgresql|mysql|mariadb)(\+\w+)?://")
OF_DATABASE = re.compile(r"ur[il]|dsn|dialect|engine|driver|backend|database|\bdb|sql", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_OF_SETTINGS = frozenset(
    (
        *("env", "environ", "getenv", "environment", "settings", "setting", "config", "conf", "cfg", "debug", "test"),
        *("testing", "tests", "arg", "args", "argv", "option", "options", "flag", "flags", "mode", "sqlite", "dialect"),
        *("feature", "features", "dev", "development", "prod", "production", "local", "stage", "staging"),
    )
)


def asks_settings(test: ast.expr) -> bool:
    """True if a condition seems to ask for a setting, not for the state of the database."""
    names = [name for name in words_in(test) if name.isidentifier()]
    parts = {part.lower() for name in names for part in _WORD.findall(name)}
    return not _OF_SETTINGS.isdisjoint(parts) or any(len(name) > 1 and name.isupper() for name in names)


def dialect(environment: Mapping[str, str]) -> str:
    """The kind of database that the environment's URLs name; '' if there is none, or several."""
    kinds = {KINDS[match[1]] for value in environment.values() if (match := _URL.match(value))}
    return kinds.pop() if len(kinds) == 1 else ""


def returned(function: ast.AST) -> ast.expr | None:
    """The only value that a function returns; None if there are several."""
    returns = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return returns[0] if len(returns) == 1 else None


def is_parameter(function: ast.AST | None, name: str) -> bool:
    arguments: Iterator[ast.AST] = ast.walk(function.args) if isinstance(function, FUNCTION) else iter(())
    return any(isinstance(each, ast.arg) and each.arg == name for each in arguments)


def is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id in ("environ", "os")
    )
