"""The one door to databases: a URL that keeps its secrets, and a connection that only reads.

Drivers quote what they were given when they fail, so nothing that they say leaves this module before every piece of the
URL that may be a secret is taken out of it, by value and by pattern.
"""

from __future__ import annotations

import math
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from migops.errors import MigopsError, NoVerdict

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

HIDDEN = "***"
LOCK_WAIT = 3.0  # seconds: who holds the version table longer than this is migrating, or has forgotten it
_SECRET_NAMES = re.compile(r"pass|pwd|secret|token|sslkey", re.IGNORECASE)
_PATTERNS = (
    (re.compile(r"(://[^\s:/@]*:)[^\s@]*(@)"), rf"\g<1>{HIDDEN}\g<2>"),
    (re.compile(r"((?:password|passwd|pwd|secret|token)\s*[=:]\s*)[^\s&;,]+", re.IGNORECASE), rf"\g<1>{HIDDEN}"),
)
_DRIVERS = {"postgresql": "psycopg", "sqlite": "pysqlite", "mysql": "pymysql", "mariadb": "pymysql"}
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where a database is and who asks, as SQLAlchemy reads it. ``secrets`` are the texts that nobody may see."""

    url: URL = field(repr=False)
    secrets: frozenset[str] = field(repr=False)

    @property
    def dialect(self) -> str:
        """``postgresql``, ``sqlite``, ``mysql``, …, without the driver."""
        return self.url.get_backend_name()

    @property
    def host(self) -> str:
        """The host's name; '' for a file, and where the driver's own default counts."""
        return self.url.host or _single(self.url.query.get("host"))

    @property
    def port(self) -> int:
        """The port, or the server's usual one; 0 where there is none."""
        given = _single(self.url.query.get("port"))
        return self.url.port or (int(given) if given.isdigit() else _PORTS.get(self.dialect, 0))

    @property
    def shown(self) -> str:
        """The URL as it may be shown: no driver, no password, no query."""
        if self.dialect == "sqlite":
            return f"sqlite:///{self.url.database or ':memory:'}"
        user = f"{self.url.username}@" if self.url.username else ""
        host = self.host or "localhost"
        port = f":{self.port}" if self.port else ""
        return f"{self.dialect}://{user}{f'[{host}]' if ':' in host else host}{port}/{self.url.database or ''}"

    def at(self, host: str, port: int) -> DatabaseUrl:
        """The same database, asked at another address."""
        url = self.url.difference_update_query(["host", "port", "hostaddr"]).set(host=host, port=port)
        return DatabaseUrl(url, self.secrets)

    def on_file(self, path: str) -> DatabaseUrl:
        """The same SQLite database, at another path."""
        return DatabaseUrl(self.url.set(database=path, query={}), self.secrets)

    def redact(self, text: str) -> str:
        """``text`` without the secrets of this URL, and without what looks like those of another one."""
        public = {self.url.username, self.host, self.url.database, self.dialect}
        for secret in sorted(self.secrets, key=len, reverse=True):
            # One that is short, or a name that is shown anyway, would be found within innocent words.
            whole = len(secret) < 4 or any(name and secret in name for name in public)
            pattern = rf"(?<!\w){re.escape(secret)}(?!\w)" if whole else re.escape(secret)
            text = re.sub(pattern, HIDDEN, text)
        return redact(text)


def redact(text: str) -> str:
    """``text`` without what looks like a password."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def parse_url(text: str) -> DatabaseUrl:
    """Read a database URL, with the driver that the application uses replaced by the one that migops has.

    Raises ``MigopsError`` for what is no URL, and ``NoVerdict`` where no driver for it is installed. Neither quotes it.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    secrets = _secrets(text)
    try:
        url = make_url(re.sub(r"^postgres(?=\+|://)", "postgresql", text.strip()))
    except (ArgumentError, ValueError):
        raise MigopsError(
            "is no database URL that SQLAlchemy can read",
            hint="it is DIALECT://USER:PASSWORD@HOST:PORT/NAME; in a password, @ : / ? # % are written as %40 %3A …",
        ) from None
    if "@" in (url.host or ""):
        raise MigopsError(
            "has an @ in its password, so that the rest of the password is taken for the host",
            hint="write it as %40 (in an ini file as %%40)",
        )
    secrets |= {secret for secret in (str(url.password or ""),) if secret}
    dialect = url.get_backend_name()
    driver = _DRIVERS.get(dialect)
    if driver:
        if driver == "pymysql" and find_spec("pymysql") is None:
            raise NoVerdict(f"asking a {dialect} database needs PyMySQL", hint="pip install pymysql, beside migops")
        url = url.set(drivername=f"{dialect}+{driver}")
    if dialect == "postgresql":
        url = url.set(query=_libpq(url.query))
    return DatabaseUrl(url, secrets)


@contextmanager
def connect(url: DatabaseUrl, *, timeout: float) -> Iterator[Connection]:
    """A connection to read from, in one read-only transaction that is rolled back.

    It opens within ``timeout`` seconds, waits no longer than ``LOCK_WAIT`` for a lock, and is cut where all that is
    done in the ``with`` takes longer than ``timeout``. What the driver raises becomes ``NoVerdict``, its text without
    secrets and without the chain of causes that would show them.
    """
    from sqlalchemy.exc import SQLAlchemyError

    with ExitStack() as stack:
        try:
            connection = _open(url, timeout, stack)
        except MigopsError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a driver raises here may quote what it was given
            raise _refused(url, error) from None
        try:
            yield connection
        except (SQLAlchemyError, OSError, UnicodeError) as error:
            raise _refused(url, error) from None


def _open(url: DatabaseUrl, timeout: float, stack: ExitStack) -> Connection:
    from sqlalchemy import NullPool, create_engine, event

    arguments: dict[str, Any] = {}
    target = url.url
    if url.dialect == "postgresql":
        # Without it, the text of an SQL_ASCII database comes as bytes, which SQLAlchemy cannot take.
        arguments = {"client_encoding": "utf8", "application_name": "migops"}
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

    connection = engine.connect()
    stack.callback(connection.close)
    _only_reads(connection, url.dialect, timeout)
    return connection


def _only_reads(connection: Connection, dialect: str, timeout: float) -> None:
    """Make the transaction read-only and impatient.

    By statements, not by ``options`` of the connection: a pooler such as PgBouncer refuses those, or passes over them.
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
    """End the connection when the time is up: a server that is frozen keeps no ``statement_timeout`` of its own."""
    ours = stack.enter_context(socket.socket(fileno=os.dup(number)))
    timer = threading.Timer(seconds, ours.shutdown, (socket.SHUT_RDWR,))
    timer.daemon = True
    timer.start()
    stack.callback(timer.cancel)


def _refused(url: DatabaseUrl, error: Exception) -> NoVerdict:
    said = str(getattr(error, "orig", None) or error) or type(error).__name__
    text = url.redact(" ".join(said.split()))
    return NoVerdict(text, hint=_hint(text))


def _hint(text: str) -> str:
    """What to do about the failures that everybody meets."""
    for words, hint in _HINTS.items():
        if words in text:
            return hint
    return ""


_HINTS = {
    "password authentication failed": "the database has another password: a changed POSTGRES_PASSWORD does not reach "
    "a volume that exists already",
    "lock timeout": "someone holds a lock on it: a migration that runs, or a session that was left open",
    "Lock wait timeout": "someone holds a lock on it: a migration that runs, or a session that was left open",
    "SSL": "the server and sslmode of the URL do not agree",
    "could not translate host name": "the host is not known here; name an address with --database-url",
    "resolve host": "the host is not known here; name an address with --database-url",
    "Connection refused": "nothing listens there (yet): is the database up? --wait SECONDS waits for it",
    "timeout expired": "nothing answers there: is the database up, and does a firewall stand in between?",
    "server closed the connection": "the server hangs, went away, or something in between cut the connection",
    "Can't load plugin": "migops asks PostgreSQL, SQLite, and MySQL or MariaDB where PyMySQL is installed",
}


def _secrets(text: str) -> frozenset[str]:
    """Every piece of the text that may be a password or a part of one, also where the text is no proper URL."""
    rest = text.partition("://")[2] or text
    found: set[str] = set()
    userinfo, at, _ = rest.rpartition("@")
    if at:
        password = userinfo.partition(":")[2]
        found |= {password, *password.split("@")}
    for name, value in parse_qsl(rest.partition("?")[2], keep_blank_values=True):
        if _SECRET_NAMES.search(name):
            found |= {value, quote(value, safe="")}
    found |= {decode(each) for each in tuple(found) for decode in (unquote, unquote_plus)}
    return frozenset(each for each in found if each)


def _libpq(query: Mapping[str, tuple[str, ...] | str]) -> dict[str, tuple[str, ...] | str]:
    """The query as libpq takes it: ``ssl`` of asyncpg is ``sslmode``, and what only other drivers know is left out."""
    from psycopg import pq

    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    kept = {name: value for name, value in query.items() if name in known}
    ssl = _single(query.get("ssl")).lower()
    if ssl and "sslmode" not in kept:
        kept["sslmode"] = {"true": "require", "1": "require", "false": "disable", "0": "disable"}.get(ssl, ssl)
    return kept


def _single(value: tuple[str, ...] | str | None) -> str:
    return value if isinstance(value, str) else value[0] if value else ""
