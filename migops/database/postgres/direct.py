"""A long-lived autocommit connection to PostgreSQL, for the lock and the lock watch of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from migops.core import debug
from migops.core.errors import MigopsError, Unavailable
from migops.database.reading import refused
from migops.database.url import DatabaseUrl

if TYPE_CHECKING:
    from psycopg import Connection

_KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 12000}
"""Seconds (the last: milliseconds) until a silently vanished server is detected."""
_SETTINGS = ("idle_session_timeout = 0", "idle_in_transaction_session_timeout = 0", "lock_timeout = '5s'")


@contextmanager
def direct(url: DatabaseUrl, *, timeout: float, name: str, database: str = "") -> Iterator[Connection[Any]]:
    """Open an autocommit connection, called ``name`` in the server's lists; ``timeout`` (s) limits each statement.

    ``database`` selects another database of the same server. Raises ``Unavailable``, free of secrets, if it cannot be
    opened, or if the driver fails inside the ``with``; MigopsError if the URL is not PostgreSQL's.
    """
    import psycopg

    if url.dialect != "postgresql":
        raise MigopsError(
            f"{url.shown} is not a PostgreSQL database", hint="migops can lock only a PostgreSQL database"
        )
    target = url.url.set(database=database) if database else url.url
    arguments, given = target.get_dialect()().create_connect_args(target)
    options: dict[str, Any] = {
        **url.unmoved(), **given, **_KEEPALIVE,
        "client_encoding": "utf8", "application_name": name[:63], "connect_timeout": max(2, math.ceil(timeout)),
    }  # fmt: skip
    if debug.enabled():
        from migops.database.debugging import Cursor

        options["cursor_factory"] = Cursor
    try:
        with (
            debug.timed("sql", "connect", (url.of(database) if database else url).shown) as line,
            psycopg.connect(*arguments, autocommit=True, **options) as connection,
        ):
            line.end("open")
            connection.execute(f"SET statement_timeout = {math.ceil(timeout * 1000)}")
            for setting in _SETTINGS:
                if not setting.startswith("idle_session") or connection.info.server_version >= 140000:
                    connection.execute(f"SET {setting}")
            yield connection
    except Unavailable:
        raise
    except (psycopg.Error, OSError, UnicodeError) as error:
        raise refused(url, error) from None
