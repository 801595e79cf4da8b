"""The SQL by which one database takes another one's place. Pure functions: text in, text out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_LISTS = frozenset({
    "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
    "temp_tablespaces", "unix_socket_directories",
})  # fmt: skip
"""Settings whose value is a list of names: as one literal, it would be taken for a single name."""
_LONGEST = 63  # bytes of a name in PostgreSQL


@dataclass(frozen=True, slots=True)
class Grant:
    """A right on a database; an empty ``grantee`` is everyone."""

    grantee: str
    privilege: str
    grantable: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that holds in a database, for one role or ('') for all."""

    role: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Properties:
    """What a database has of its own beside what is in it, none of which a restored dump brings along.

    ``provider`` is ``c``, ``i`` or ``b``, and '' on servers that know only one; ``locale`` is that of the latter two.
    ``grants`` is None where the rights were never touched. ``open`` tells whether anyone may connect.
    """

    oid: int
    owner: str
    encoding: str
    collate: str
    ctype: str
    tablespace: str
    limit: int
    provider: str = ""
    locale: str = ""
    comment: str = ""
    grants: tuple[Grant, ...] | None = None
    settings: tuple[Setting, ...] = ()
    open: bool = True


def identifier(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL takes it, whatever ``standard_conforming_strings`` says."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"


def beside(database: str, what: str, stamp: str) -> str:
    """The name of a database that stands for another one: ``shop_migops_old_20261124T101222``, within 63 bytes."""
    tail = f"_migops_{what}_{stamp}"
    return database.encode()[: _LONGEST - len(tail)].decode(errors="ignore") + tail


def create(name: str, like: Properties | None) -> str:
    """Make an empty database like another one, or as the server makes one."""
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
    """Give a database the rights, settings and comment of another one."""
    at = f"DATABASE {identifier(name)}"
    if like.grants is not None:
        yield f"REVOKE ALL ON {at} FROM PUBLIC, {identifier(like.owner)}"
    for grant in like.grants or ():
        to = identifier(grant.grantee) if grant.grantee else "PUBLIC"
        option = " WITH GRANT OPTION" if grant.grantable else ""
        yield f"GRANT {grant.privilege} ON {at} TO {to}{option}"
    for each in like.settings:
        who = f"ROLE {identifier(each.role)} IN {at}" if each.role else at
        yield f"ALTER {who} SET {identifier(each.name)} TO {_value(each)}"
    if like.comment:
        yield f"COMMENT ON {at} IS {literal(like.comment)}"


def _value(setting: Setting) -> str:
    if setting.name.lower() in _LISTS:
        return ", ".join(literal(each) for each in names(setting.value)) or "''"
    return literal(setting.value)


def names(text: str) -> Iterator[str]:
    """The names of a list as the server keeps it: ``"$user", public``."""
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
    """Let nobody connect any more, not even a superuser."""
    return f"ALTER DATABASE {identifier(name)} ALLOW_CONNECTIONS false"


def reopen(name: str) -> str:
    """Let everybody connect again."""
    return f"ALTER DATABASE {identifier(name)} ALLOW_CONNECTIONS true"


def end_sessions(*databases: str) -> str:
    """End everybody's sessions in these databases."""
    # Quoted with dollars where that can be: it is also shown as a word of a command, within the shell's quotes.
    found = ", ".join(literal(name) if "$" in name else f"$${name}$$" for name in databases)
    return (
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "  # noqa: S608 - quoted
        f"WHERE datname IN ({found}) AND pid <> pg_catalog.pg_backend_pid()"
    )


def rename(name: str, to: str) -> str:
    """Give a database another name; fails while anyone is connected to it."""
    return f"ALTER DATABASE {identifier(name)} RENAME TO {identifier(to)}"


def drop(name: str) -> str:
    """Remove a database for good."""
    return f"DROP DATABASE {identifier(name)}"


def back(database: str, kept: str, aside: str) -> tuple[str, ...]:
    """The way back to the database that was kept: the restored one steps aside under the name ``aside``."""
    return (
        close(database), end_sessions(database, kept),
        f"BEGIN; {rename(database, aside)}; {rename(kept, database)}; COMMIT", reopen(database),
    )  # fmt: skip
