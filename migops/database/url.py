"""A database URL that hides its secrets: every part that may be one is redacted before anything is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from migops.core.errors import MigopsError, Unavailable
from migops.core.redaction import learn, redact
from migops.core.redaction.known import Known

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_SECRET_NAMES = re.compile(r"pass|pwd|secret|token|sslkey", re.IGNORECASE)
_DRIVERS = {"postgresql": "psycopg", "sqlite": "pysqlite", "mysql": "pymysql", "mariadb": "pymysql"}
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A database URL as SQLAlchemy reads it. ``secrets`` are the texts that must never be shown."""

    url: URL = field(repr=False)
    secrets: frozenset[str] = field(repr=False)

    @property
    def dialect(self) -> str:
        """``postgresql``, ``sqlite``, ``mysql``, …, without the driver."""
        return self.url.get_backend_name()

    @property
    def host(self) -> str:
        """The host's name; '' for a file, and for the driver's own default."""
        return self.url.host or _single(self.url.query.get("host"))

    @property
    def port(self) -> int:
        """The port, or the server's default port; 0 if there is none."""
        given = _single(self.url.query.get("port"))
        return self.url.port or (int(given) if given.isdigit() else _PORTS.get(self.dialect, 0))

    @property
    def shown(self) -> str:
        """The URL for display, without driver, password and query."""
        if self.dialect == "sqlite":
            return f"sqlite:///{self.url.database or ':memory:'}"
        user = f"{self.url.username}@" if self.url.username else ""
        host = self.host or "localhost"
        port = f":{self.port}" if self.port else ""
        return f"{self.dialect}://{user}{f'[{host}]' if ':' in host else host}{port}/{self.url.database or ''}"

    def unmoved(self) -> dict[str, str]:
        """libpq settings that keep our own environment from redirecting the connection.

        PGHOSTADDR (or a service file's) would override the URL's host, and PGOPTIONS could set another search path. The
        URL's own settings stay.
        """
        return {name: "" for name in ("hostaddr", "options") if name not in self.url.query}

    def at(self, host: str, port: int) -> DatabaseUrl:
        """The same database at another address."""
        url = self.url.difference_update_query(["host", "port", "hostaddr"]).set(host=host, port=port)
        return DatabaseUrl(url, self.secrets)

    def with_options(self, options: str) -> DatabaseUrl:
        """The same URL with these command-line options for the session, unless it has its own."""
        if not options or "options" in self.url.query:
            return self
        return DatabaseUrl(self.url.update_query_dict({"options": options}), self.secrets)

    def of(self, database: str) -> DatabaseUrl:
        """Another database of the same server, as the same user."""
        return DatabaseUrl(self.url.set(database=database), self.secrets)

    def on_file(self, path: str) -> DatabaseUrl:
        """The same SQLite database, at another path."""
        return DatabaseUrl(self.url.set(database=path, query={}), self.secrets)

    def redact(self, text: str) -> str:
        """``text`` without the secrets of this URL and this run, and without texts that look like secrets.

        The rules are in ``migops.core.redaction.redactor``.
        """
        from migops.core.redaction.redactor import Redactor

        return redact(Redactor.of(self.secrets, self.public).hide(text))

    @property
    def public(self) -> frozenset[str]:
        """The URL's names that are shown, even if they equal a secret."""
        return frozenset(name for name in (self.url.username, self.host, self.url.database, self.dialect) if name)


def parse_url(text: str, *, ours: bool = True) -> DatabaseUrl:
    """Parse a database URL, with the application's driver replaced by the one that migops has.

    ``ours=False`` keeps the driver, for a URL that is only shown or used elsewhere. Raises ``MigopsError`` for an
    invalid URL, and ``Unavailable`` if no driver for it is installed. Neither quotes the URL.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    secrets = _secrets(text)
    try:
        url = make_url(re.sub(r"^postgres(?=\+|://)", "postgresql", text.strip()))
    except (ArgumentError, ValueError):
        raise MigopsError(
            "is not a database URL that SQLAlchemy can read",
            hint="use DIALECT://USER:PASSWORD@HOST:PORT/NAME; in a password, write @ : / ? # % as %40 %3A …",
        ) from None
    if "@" in (url.host or ""):
        raise MigopsError(
            "has an @ in its password, so the rest of the password is read as the host",
            hint="write it as %40 (in an ini file as %%40)",
        )
    secrets |= {secret for secret in (str(url.password or ""),) if secret}
    dialect = url.get_backend_name()
    driver = _DRIVERS.get(dialect) if ours else None
    if driver:
        if driver == "pymysql" and find_spec("pymysql") is None:
            raise Unavailable(f"reading a {dialect} database needs PyMySQL", hint="pip install pymysql, next to migops")
        url = url.set(drivername=f"{dialect}+{driver}")
    if dialect == "postgresql" and ours:
        url = url.set(query=_libpq(url.query))
    parsed = DatabaseUrl(url, secrets)
    learn(lambda: Known(parsed.secrets, parsed.public))
    return parsed


def _secrets(text: str) -> frozenset[str]:
    """Every part of the text that may be a password or a part of one, even if the text is not a valid URL."""
    rest = text.partition("://")[2] or text
    pieces: set[str] = set()
    userinfo, at, _ = rest.rpartition("@")
    if at:
        password = userinfo.partition(":")[2]
        pieces |= {password, *password.split("@")}
    for name, value in parse_qsl(rest.partition("?")[2], keep_blank_values=True):
        if _SECRET_NAMES.search(name):
            pieces |= {value, quote(value, safe="")}
    pieces |= {decode(piece) for piece in tuple(pieces) for decode in (unquote, unquote_plus)}
    return frozenset(piece for piece in pieces if piece)


def _libpq(query: Mapping[str, tuple[str, ...] | str]) -> dict[str, tuple[str, ...] | str]:
    """The query for libpq: asyncpg's ``ssl`` becomes ``sslmode``, and parameters of other drivers are dropped."""
    from psycopg import pq

    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    kept = {name: value for name, value in query.items() if name in known}
    ssl = _single(query.get("ssl")).lower()
    if ssl and "sslmode" not in kept:
        kept["sslmode"] = {"true": "require", "1": "require", "false": "disable", "0": "disable"}.get(ssl, ssl)
    return kept


def _single(value: tuple[str, ...] | str | None) -> str:
    return value if isinstance(value, str) else value[0] if value else ""
