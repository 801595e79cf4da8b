"""Whether the engine that env.py makes and the driver of its URL are of one kind, as far as its text settles it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from migops.migrations.env_script import called, parsed
from migops.migrations.env_url import url_source

_ASYNC = {
    "asyncpg": "psycopg2", "aiosqlite": "", "aiomysql": "pymysql", "asyncmy": "pymysql", "psycopg_async": "psycopg",
}  # fmt: skip
"""Asynchronous drivers, each with a synchronous one of the same server."""
_SYNC = {"psycopg2": "asyncpg", "pg8000": "asyncpg", "pysqlite": "aiosqlite", "pymysql": "aiomysql",
         "mysqldb": "aiomysql", "mysqlconnector": "aiomysql", "psycopg2cffi": "asyncpg"}  # fmt: skip
_SCHEME = re.compile(r"(\w+)\+(\w+):")
_DOUBLED = re.compile(r"""\.replace\(\s*['"]%['"]\s*,\s*['"]%%['"]\s*\)""")
_DEFAULT = re.compile(r"""((?:getenv|environ\.get)\(\s*['"]\w+['"])\s*,\s*['"][^'"]*['"]\s*\)""")
_CHANGES = re.compile(r"\breplace\(|drivername|make_url|\bsub\(|removeprefix|\bsplit\(|\bpartition\(|://")
"""Signs of an env.py that changes the URL or its driver."""
_MAKES_SYNC = ("create_engine", "engine_from_config")
_MAKES_ASYNC = ("create_async_engine", "async_engine_from_config")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An engine and a driver of different kinds."""

    is_async: bool  # the engine
    call: str  # the function that makes it
    line: int  # of that call
    scheme: str  # of the URL
    instead: str  # the scheme with a driver that fits
    variable: str = ""  # the environment variable with the URL; '' for a literal or the configuration's URL
    literal: bool = False  # the URL is written in the call


def mismatch(source: str, ini_url: str, variables: Mapping[str, str]) -> Mismatch | None:
    """None if they fit, or if the text does not settle one of them.

    ``ini_url``: ``sqlalchemy.url``, '' if not set. ``variables``: the service's environment variables with a URL.
    """
    calls = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)]
    made = [node for node in calls if called(node) in (*_MAKES_SYNC, *_MAKES_ASYNC)]
    if len(made) != 1:
        return None
    (engine,) = made
    is_async = called(engine) in _MAKES_ASYNC
    if not is_async and re.search(r"AsyncEngine|run_sync|asyncio", source):
        return None  # a synchronous engine may be wrapped
    literal = _literal(engine)
    variable = ""
    url = url_source(source)
    if not literal:
        if not url.settled or _CHANGES.search(_DEFAULT.sub(r"\1)", _DOUBLED.sub("", source))):
            return None
        if url.set_at and len(url.variables) == 1:
            variable = url.variables[0]
        elif url.set_at or not url.reads_ini:
            return None
    match = _SCHEME.match(literal or (variables.get(variable, "") if variable else ini_url))
    wrong = _SYNC if is_async else _ASYNC
    if match is None or match[2].lower() not in wrong:
        return None
    driver = wrong[match[2].lower()]
    instead = f"{match[1]}+{driver}://…" if driver else f"{match[1]}://…"
    scheme = f"{match[1]}+{match[2]}"
    return Mismatch(is_async, called(engine), engine.lineno, scheme, instead, variable, bool(literal))


def _literal(call: ast.Call) -> str:
    """The URL that is written in the call; '' if it comes from elsewhere."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
