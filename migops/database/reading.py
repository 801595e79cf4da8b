"""A read-only connection, in one transaction that is rolled back, and redacted errors of drivers."""

from __future__ import annotations

import math
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from migops.core import debug
from migops.core.errors import MigopsError, Unavailable
from migops.database.url import DatabaseUrl

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOCK_WAIT = 3.0  # seconds: a longer lock on the version table is a migration or an abandoned transaction


@contextmanager
def connect(url: DatabaseUrl, *, timeout: float) -> Iterator[Connection]:
    """Open a connection with one read-only transaction that is rolled back.

    It opens within ``timeout`` seconds, waits at most ``LOCK_WAIT`` seconds for a lock, and is closed if the whole
    ``with`` takes longer than ``timeout``. Errors of the driver become ``Unavailable``, without secrets in the text and
    without the chain of causes, which would show them.
    """
    from sqlalchemy.exc import SQLAlchemyError

    with ExitStack() as stack:
        try:
            connection = _open(url, timeout, stack)
        except MigopsError:
            raise
        except Exception as error:  # noqa: BLE001 - any exception of a driver may quote its input
            raise refused(url, error) from None
        try:
            yield connection
        except (SQLAlchemyError, OSError, UnicodeError) as error:
            raise refused(url, error) from None


def _open(url: DatabaseUrl, timeout: float, stack: ExitStack) -> Connection:
    from sqlalchemy import NullPool, create_engine, event

    arguments: dict[str, Any] = {}
    target = url.url
    if url.dialect == "postgresql":
        # Otherwise psycopg returns text of an SQL_ASCII database as bytes, which SQLAlchemy cannot process.
        arguments = {"client_encoding": "utf8", "application_name": "migops", **url.unmoved()}
        arguments["connect_timeout"] = max(2, math.ceil(timeout))
    elif url.dialect == "sqlite":
        target = target.set(database=f"file:{quote(target.database or '')}", query={"mode": "ro", "uri": "true"})
        arguments = {"timeout": LOCK_WAIT}
    elif url.dialect in ("mysql", "mariadb"):
        arguments = {"connect_timeout": math.ceil(timeout), "read_timeout": math.ceil(timeout)}
    engine = create_engine(target, poolclass=NullPool, connect_args=arguments)
    stack.callback(engine.dispose)

    @event.listens_for(engine, "do_connect")
    def watched(dialect: Any, record: Any, words: Any, options: Any) -> Any:
        opened = dialect.connect(*words, **options)
        if number := getattr(opened, "fileno", None):
            _cut_after(number(), timeout, stack)
        return opened

    if debug.enabled():
        from migops.database.debugging import watch

        watch(engine)
    with debug.timed("sql", "connect", url.shown) as line:
        connection = engine.connect()
        line.end("open")
    stack.callback(connection.close)
    _only_reads(connection, url.dialect, timeout)
    return connection


def _only_reads(connection: Connection, dialect: str, timeout: float) -> None:
    """Make the transaction read-only, with short timeouts.

    Uses statements instead of the connection's ``options``, which a pooler such as PgBouncer refuses or ignores.
    """
    lock = min(LOCK_WAIT, timeout)
    if dialect == "postgresql":
        connection.execution_options(postgresql_readonly=True)
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {math.ceil(lock * 1000)}")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {math.ceil(timeout * 1000)}")
    elif dialect in ("mysql", "mariadb"):
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {math.ceil(lock)}")
        connection.rollback()


def _cut_after(number: int, seconds: float, stack: ExitStack) -> None:
    """Close the connection after ``seconds``: a frozen server does not apply ``statement_timeout``."""
    ours = stack.enter_context(socket.socket(fileno=os.dup(number)))
    timer = threading.Timer(seconds, ours.shutdown, (socket.SHUT_RDWR,))
    timer.daemon = True
    timer.start()
    stack.callback(timer.cancel)


def refused(url: DatabaseUrl, error: Exception) -> Unavailable:
    """The error for a driver's failure, without the URL's secrets and without the chain of causes that shows them."""
    message = str(getattr(error, "orig", None) or error) or type(error).__name__
    text = url.redact(" ".join(message.split()))
    return Unavailable(text, hint=_hint(text))


def _hint(text: str) -> str:
    """A hint for common failures."""
    for words, hint in _HINTS.items():
        if words in text:
            return hint
    return ""


_HINTS = {
    "password authentication failed": "the database has a different password: changing POSTGRES_PASSWORD does not "
    "affect an existing volume",
    "lock timeout": "another session holds a lock on it: a running migration, or a session that was left open",
    "Lock wait timeout": "another session holds a lock on it: a running migration, or a session that was left open",
    "SSL": "the server and sslmode of the URL do not agree",
    "could not translate host name": "this host cannot resolve the name; set an address with --database-url",
    "resolve host": "this host cannot resolve the name; set an address with --database-url",
    "Connection refused": "nothing listens there (yet): check that the database is up; --wait SECONDS waits for it",
    "timeout expired": "no answer: check that the database is up and no firewall is in between",
    "server closed the connection": "the server hangs, is gone, or something in between closed the connection",
    "Can't load plugin": "migops supports PostgreSQL, SQLite, and, with PyMySQL, MySQL and MariaDB",
}
