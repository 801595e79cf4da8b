"""Script that asks a database from inside the application's container, run by the container's own Python.

It only reads, starts nothing, and imports nothing of the application except SQLAlchemy and the driver. The question is
JSON in its environment, so that no process list shows a password; the answer is one line of JSON. It must work with
Python 3.7 and SQLAlchemy 1.4.
"""

from __future__ import annotations

import sys

sys.path[:] = [folder for folder in sys.path if folder]  # nothing from the current folder: that is the application

import importlib.util  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
from typing import Any  # noqa: E402

MARK = "migops:"
ASKED = "MIGOPS_ASKED"
DRIVERS = {
    "postgresql": (("psycopg", "psycopg"), ("psycopg2", "psycopg2"), ("asyncpg", "asyncpg"), ("pg8000", "pg8000")),
    "mysql": (("pymysql", "pymysql"), ("mysqldb", "MySQLdb"), ("aiomysql", "aiomysql"), ("asyncmy", "asyncmy")),
}
DRIVERS["mariadb"] = DRIVERS["mysql"]
"""SQLAlchemy's names of drivers, and their modules, for a URL without a driver."""


def main() -> None:
    """Answer the question in the environment. SIGALRM ends the process after its timeout."""
    asked = json.loads(os.environ.pop(ASKED))
    signal.setitimer(signal.ITIMER_REAL, asked["timeout"])
    try:
        if asked["dialect"] != "sqlite" and importlib.util.find_spec("sqlalchemy") is None:
            answer = {"missing": "sqlalchemy"}
        else:
            answer = of_file(asked) if asked["dialect"] == "sqlite" else of_server(asked)
    except Exception as error:  # noqa: BLE001 - any exception of a driver is an answer, as text
        message = str(getattr(error, "orig", None) or error) or type(error).__name__
        answer = {"error": " ".join(message.split())}
    sys.stdout.write("\n" + MARK + json.dumps(answer) + "\n")


def of_file(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer for an SQLite file, opened read-only."""
    import sqlite3
    from urllib.parse import quote

    path = os.path.join(os.getcwd(), asked["file"])  # noqa: PTH109, PTH118
    if not os.path.isfile(path):  # noqa: PTH113
        return {"absent": path}
    connection = sqlite3.connect("file:" + quote(path) + "?mode=ro", uri=True, timeout=asked["lock"])
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = [("", name, 1) for name in names if not name.startswith("sqlite_")]
    rows = []
    if asked["table"] in names:
        quoted = '"' + asked["table"].replace('"', '""') + '"'
        rows = [str(row) for (row,) in connection.execute("SELECT version_num FROM " + quoted)]  # noqa: S608
    connection.close()
    return {"tables": tables, "rows": rows, "server": "SQLite " + sqlite3.sqlite_version, "name": path}


def of_server(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer for a server's database, with the URL's driver or an installed one."""
    from sqlalchemy.engine import make_url

    url = make_url(asked["url"])
    backend = url.get_backend_name()
    if "+" not in url.drivername:
        for name, module in DRIVERS.get(backend, ()):
            if importlib.util.find_spec(module):
                url = url.set(drivername=backend + "+" + name)
                break
    dialect = url.get_dialect()
    arguments = options(dialect.driver, backend, asked["timeout"])
    if not getattr(dialect, "is_async", False):
        from sqlalchemy import create_engine

        engine = create_engine(url, connect_args=arguments)
        with engine.connect() as connection:
            return look(connection, asked)
    import asyncio

    from sqlalchemy.ext.asyncio import create_async_engine

    async def connected() -> dict[str, Any]:
        engine = create_async_engine(url, connect_args=arguments)
        async with engine.connect() as connection:
            answer: dict[str, Any] = await connection.run_sync(look, asked)
        await engine.dispose()
        return answer

    return asyncio.run(connected())


def options(driver: str, backend: str, timeout: float) -> dict[str, Any]:
    """Driver options besides the URL: short timeouts, and text as str."""
    if driver in ("psycopg", "psycopg2"):
        return {"connect_timeout": max(2, int(timeout)), "client_encoding": "utf8"}
    if driver == "asyncpg":
        # A pooler before the server may not support prepared statements.
        return {"timeout": timeout, "statement_cache_size": 0}
    if driver == "pg8000":
        return {"timeout": timeout}
    return {"connect_timeout": max(2, int(timeout))} if backend in ("mysql", "mariadb") else {}


def look(connection: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Read in one read-only transaction with a short lock timeout."""
    from sqlalchemy import inspect, text

    dialect = connection.dialect
    if dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text(f"SET LOCAL lock_timeout = {int(asked['lock'] * 1000)}"))
        connection.execute(text(f"SET LOCAL statement_timeout = {int(asked['timeout'] * 1000)}"))
        tables = [(str(schema), str(name), at) for schema, name, at in connection.execute(text(asked["relations"]))]
    else:
        if dialect.name in ("mysql", "mariadb"):
            connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
            connection.execute(text(f"SET SESSION lock_wait_timeout = {max(1, int(asked['lock']))}"))
            if hasattr(connection, "rollback"):
                connection.rollback()
        seen = inspect(connection)
        schemas = [None, asked["schema"]] if asked["schema"] else [None]
        tables = [(schema or "", name, 1) for schema in schemas for name in seen.get_table_names(schema)]
    same = [(schema, at) for schema, name, at in tables if name == asked["table"]]
    rows = []
    if any(schema == asked["schema"] if asked["schema"] else at is not None for schema, at in same):
        quote = dialect.identifier_preparer.quote
        name = ".".join(quote(part) for part in (asked["schema"], asked["table"]) if part).replace(":", "\\:")
        rows = [str(row[0]) for row in connection.execute(text("SELECT version_num FROM " + name))]  # noqa: S608
    kind = "MariaDB" if getattr(dialect, "is_mariadb", False) else asked["servers"].get(dialect.name, dialect.name)
    version = ".".join(str(part) for part in dialect.server_version_info or ())
    database = str(connection.engine.url.database or "")
    return {"tables": tables, "rows": rows, "server": (kind + " " + version).strip(), "name": database}


if __name__ == "__main__":
    main()
