"""Finds PostgreSQL servers in a service's variables and command: in URLs, DSNs and variables such as DB_HOST."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from migops.core.errors import MigopsError
from migops.database import parse_url

_URL = re.compile(r"(?:jdbc:)?(postgres(?:ql)?(?:\+\w+)?://[^\s\"'`<>]+)", re.IGNORECASE)
_MULTIPLE = re.compile(r"^(\w+(?:\+\w+)?://(?:[^/?#]*@)?)([^/?#@]*,[^/?#@]*)(.*)$", re.DOTALL)
_DSN_HOST = re.compile(r"(?:^|[\s;])(?:host|server|data source)\s*=\s*'?([^\s;']+)", re.IGNORECASE)
_DSN_PORT = re.compile(r"(?:^|[\s;])port\s*=\s*'?(\d+)", re.IGNORECASE)
_DSN_DATABASE = re.compile(r"(?:^|[\s;])(?:dbname|database|initial catalog)\s*=\s*'?([^\s;']+)", re.IGNORECASE)
_HOST = re.compile(r"^(.*?)(?:HOST_?NAME|HOSTADDR|HOSTS?|SERVER(?:_?NAME)?|ADDR(?:ESS)?|ENDPOINT)$", re.IGNORECASE)
_OWN = ("HOSTNAME",)  # a container's own name
_DATABASES = ("DATABASE", "DB", "NAME", "DBNAME", "DB_NAME", "DATABASE_NAME")
_DATABASE = re.compile(r"(?:^|_)(?:DB|DATABASE|PGDATABASE|DBNAME|DB_NAME|DATABASE_NAME)$", re.IGNORECASE)
_OF_A_DATABASE = re.compile(r"(?:^|_)(?:PG|POSTGRES|POSTGRESQL|DB|DATABASE|SQL)(?:_|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Named:
    """A server that a service names."""

    by: str
    """The variable, or ``its command``."""
    host: str
    port: int | None
    """None if not given."""
    database: str | None
    """None if not given."""
    is_database: bool = True
    """False if the variable, such as CACHE_HOST, may mean another kind of server."""


def named(values: Mapping[str, str], words: Sequence[str] = ()) -> list[Named]:
    """Every server in the variables and in the words of a command."""
    texts = [*values.items(), *(("its command", word) for word in words)]
    servers = [each for by, text in texts for each in _in_text(by, text)]
    return [*servers, *(each for name in values for each in _in_variables(name, values))]


def databases(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that contain a database's name, with that name, of whatever server."""
    for name, value in values.items():
        if _DATABASE.search(name):
            yield name, value


def _in_text(by: str, text: str) -> Iterator[Named]:
    whole = text.strip()
    urls = [whole] if _URL.match(whole) and not re.search(r"\s", whole) else _URL.findall(text)
    for url in urls:
        yield from _of_url(by, url.removeprefix("jdbc:").rstrip(",;)]}"))
    database = _DSN_DATABASE.search(text)
    if "://" not in text and database and (host := _DSN_HOST.search(text)):
        port = _DSN_PORT.search(text)
        for each in host.group(1).split(","):
            yield Named(by, *_split(each, int(port.group(1)) if port else None), database.group(1))


def _of_url(by: str, text: str) -> list[Named]:
    several = _MULTIPLE.match(text)
    if several:  # libpq takes postgresql://one,two/shop, SQLAlchemy does not
        start, hosts, rest = several.groups()
        return [each for host in hosts.split(",") for each in _of_url(by, f"{start}{host}{rest}")]
    try:
        url = parse_url(text)
    except MigopsError:
        return []
    database = url.url.database or url.url.username or None
    return [Named(by, *_split(host, url.port), database) for host in url.host.split(",")]


def _in_variables(name: str, values: Mapping[str, str]) -> Iterator[Named]:
    match = _HOST.match(name)
    value = values[name].strip()
    if not match or name in _OWN or "://" in value or not re.fullmatch(r"[\w.,:\[\]-]+", value):
        return
    prefix = match.group(1)
    is_database = bool(_OF_A_DATABASE.search(prefix))
    names = (f"{prefix}{each}" for each in _DATABASES if is_database or each != "NAME")  # APP_NAME is not a database's
    database = next((values[each] for each in names if values.get(each)), None)
    port = values.get(f"{prefix}PORT", "")
    for text in value.split(","):
        host = _split(text, int(port) if port.isdecimal() else None)
        yield Named(name, *host, database, is_database)


def _split(text: str, port: int | None) -> tuple[str, int | None]:
    """Host and port of ``host``, ``host:port`` or ``[address]:port``."""
    match = re.fullmatch(r"\[?([^\[\]]+?)\]?(?::(\d+))?", text) if text.count(":") < 2 or "[" in text else None
    if match is None:
        return text, port
    return match.group(1), int(match.group(2)) if match.group(2) else port
