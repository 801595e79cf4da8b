"""A database URL that keeps its secrets: nothing of it is shown before every piece that may be one is taken out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from migops.core.errors import MigopsError, Unavailable
from migops.core.redaction import learn
from migops.core.redaction import redact as redact
from migops.core.redaction.known import Known

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_SECRET_NAMES = re.compile(r"pass|pwd|secret|token|sslkey", re.IGNORECASE)
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

    def unmoved(self) -> dict[str, str]:
        """What libpq is told so that our own environment does not lead elsewhere: PGHOSTADDR (or a service file's)
        would beat the URL's host, and PGOPTIONS could name another search path. The URL's own words stay."""
        return {name: "" for name in ("hostaddr", "options") if name not in self.url.query}

    def at(self, host: str, port: int) -> DatabaseUrl:
        """The same database, asked at another address."""
        url = self.url.difference_update_query(["host", "port", "hostaddr"]).set(host=host, port=port)
        return DatabaseUrl(url, self.secrets)

    def with_options(self, options: str) -> DatabaseUrl:
        """The same, with these command-line options for the session where it has none of its own."""
        if not options or "options" in self.url.query:
            return self
        return DatabaseUrl(self.url.update_query_dict({"options": options}), self.secrets)

    def of(self, database: str) -> DatabaseUrl:
        """Another database of the same server, asked by the same user."""
        return DatabaseUrl(self.url.set(database=database), self.secrets)

    def on_file(self, path: str) -> DatabaseUrl:
        """The same SQLite database, at another path."""
        return DatabaseUrl(self.url.set(database=path, query={}), self.secrets)

    def redact(self, text: str) -> str:
        """``text`` without the secrets of this URL and of this run, and without what looks like those of another one.

        Which value is hidden where is told in ``migops.core.redaction.redactor``.
        """
        from migops.core.redaction.redactor import Redactor

        return redact(Redactor.of(self.secrets, self.public).hide(text))

    @property
    def public(self) -> frozenset[str]:
        """The names in it that are shown anyway."""
        return frozenset(name for name in (self.url.username, self.host, self.url.database, self.dialect) if name)


def parse_url(text: str, *, ours: bool = True) -> DatabaseUrl:
    """Read a database URL, with the driver that the application uses replaced by the one that migops has; not so with
    ``ours=False``, for a URL that is only shown, and used elsewhere.

    Raises ``MigopsError`` for what is no URL, and ``Unavailable`` where no driver for it is installed. Neither quotes
    it.
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
    found = DatabaseUrl(url, secrets)
    learn(lambda: Known(found.secrets, found.public))
    return found


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
