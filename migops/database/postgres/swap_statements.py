"""The SQL that replaces one database by another. Pure functions: text in, text out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_LISTS = frozenset({
    "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
    "temp_tablespaces", "unix_socket_directories",
})  # fmt: skip
"""Settings whose value is a list of names: a single literal would be read as one name."""
_LONGEST = 63  # bytes of a PostgreSQL name


@dataclass(frozen=True, slots=True)
class Grant:
    """A privilege on a database; an empty ``grantee`` is PUBLIC."""

    grantee: str
    privilege: str
    grantable: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a database, for one role or ('') for all."""

    role: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties of a database itself, which a restored dump does not include."""

    oid: int
    owner: str
    encoding: str
    collate: str
    ctype: str
    tablespace: str
    limit: int
    provider: str = ""  # of the locale: ``c``, ``i`` (ICU) or ``b`` (builtin); '' on servers with only one
    locale: str = ""  # of ICU or builtin
    comment: str = ""
    grants: tuple[Grant, ...] | None = None  # None: the default privileges
    settings: tuple[Setting, ...] = ()
    open: bool = True  # connections are allowed


def identifier(name: str) -> str:
    """A name quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text quoted for SQL, independent of ``standard_conforming_strings``."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"


def beside(database: str, what: str, stamp: str) -> str:
    """The name of a database derived from another's: ``shop_migops_old_20261124T101222``, within 63 bytes."""
    tail = f"_migops_{what}_{stamp}"
    return database.encode()[: _LONGEST - len(tail)].decode(errors="ignore") + tail


def create(name: str, like: Properties | None) -> str:
    """Create an empty database with the properties of another one, or with the server's defaults."""
    words = [f"CREATE DATABASE {identifier(name)} TEMPLATE template0"]
    if like is not None:
        words += [
            f"OWNER {identifier(like.owner)} ENCODING {literal(like.encoding)}",
            f"LC_COLLATE {literal(like.collate)} LC_CTYPE {literal(like.ctype)}",
            *_provider(like),
            f"TABLESPACE {identifier(like.tablespace)} CONNECTION LIMIT {like.limit}",
        ]
    return " ".join(words)


def _provider(like: Properties) -> Iterator[str]:
    if like.provider == "c":
        yield "LOCALE_PROVIDER libc"
    elif like.provider in ("i", "b"):
        kind, option = ("icu", "ICU_LOCALE") if like.provider == "i" else ("builtin", "BUILTIN_LOCALE")
        yield f"LOCALE_PROVIDER {kind} {option} {literal(like.locale)}"


def carry_over(name: str, like: Properties) -> Iterator[str]:
    """Copy the privileges, settings and comment of another database."""
    at = f"DATABASE {identifier(name)}"
    if like.grants is not None:
        yield f"REVOKE ALL ON {at} FROM PUBLIC, {identifier(like.owner)}"
    for grant in like.grants or ():
        to = identifier(grant.grantee) if grant.grantee else "PUBLIC"
        option = " WITH GRANT OPTION" if grant.grantable else ""
        yield f"GRANT {grant.privilege} ON {at} TO {to}{option}"
    for setting in like.settings:
        who = f"ROLE {identifier(setting.role)} IN {at}" if setting.role else at
        yield f"ALTER {who} SET {identifier(setting.name)} TO {_value(setting)}"
    if like.comment:
        yield f"COMMENT ON {at} IS {literal(like.comment)}"


def _value(setting: Setting) -> str:
    if setting.name.lower() in _LISTS:
        return ", ".join(literal(each) for each in names(setting.value)) or "''"
    return literal(setting.value)


def names(text: str) -> Iterator[str]:
    """The names in a list as the server stores it: ``"$user", public``."""
    rest = text.strip()
    while rest:
        if rest.startswith('"'):
            end = 1
            while (end := rest.index('"', end)) + 1 < len(rest) and rest[end + 1] == '"':
                end += 2
            yield rest[1:end].replace('""', '"')
            rest = rest[end + 1 :].partition(",")[2].strip()
        else:
            first, _, rest = rest.partition(",")
            yield first.strip()
            rest = rest.strip()


def close(name: str) -> str:
    """Forbid new connections, even for superusers."""
    return f"ALTER DATABASE {identifier(name)} ALLOW_CONNECTIONS false"


def reopen(name: str) -> str:
    """Allow connections again."""
    return f"ALTER DATABASE {identifier(name)} ALLOW_CONNECTIONS true"


def end_sessions(*databases: str) -> str:
    """End all sessions in these databases."""
    # Dollar-quoted if possible: it is also shown as a word of a command, inside the shell's quotes.
    quoted = ", ".join(literal(name) if "$" in name else f"$${name}$$" for name in databases)
    return (
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "  # noqa: S608 - quoted
        f"WHERE datname IN ({quoted}) AND pid <> pg_catalog.pg_backend_pid()"
    )


def rename(name: str, to: str) -> str:
    """Rename a database. Fails while anyone is connected to it."""
    return f"ALTER DATABASE {identifier(name)} RENAME TO {identifier(to)}"


def drop(name: str) -> str:
    """Drop a database."""
    return f"DROP DATABASE {identifier(name)}"


def back(database: str, kept: str, aside: str) -> tuple[str, ...]:
    """Undo a swap: the database ``kept`` gets its name back, and the restored one is renamed to ``aside``.

    The first statement fails, before anything is changed, where there is no ``kept`` (any more): typed a second time,
    these must not close a database that is in use.
    """
    return (
        close(kept), close(database), end_sessions(database, kept),
        f"BEGIN; {rename(database, aside)}; {rename(kept, database)}; COMMIT", reopen(database),
    )  # fmt: skip
