"""What is run, as words and environments. Pure functions: they run nothing, so that tests read exactly what would be.

Nothing of a URL is among the words: those can be read in the process list of the host. libpq takes it from variables.
"""

from __future__ import annotations

from migops.database import DatabaseUrl
from migops.docker.feeding import limited

APPLICATION = "migops backup"
"""What the programs are called in the server's list of sessions, before the process that has started them."""
LOCK_WAIT = 60  # seconds that pg_dump waits for a table that someone else has locked
_PASSED_ON = ("sslmode", "options", "target_session_attrs")
"""What of a URL's query holds in another container too; a path of a certificate does not."""


def dump() -> tuple[str, ...]:
    """A dump of the database of the environment, to standard output."""
    return ("pg_dump", "--format=custom", "--no-password", f"--lock-wait-timeout={LOCK_WAIT * 1000}")


def listing(size: int) -> tuple[str, ...]:
    """The table of contents of a dump of ``size`` bytes on standard input."""
    return limited(("pg_restore", "--list"), size)


def reading(size: int) -> tuple[str, ...]:
    """Read a dump on standard input to its end, every block unpacked, and write nothing."""
    return limited(("pg_restore", "--file=/dev/null"), size)


def rows(size: int, schema: str, table: str) -> tuple[str, ...]:
    """The rows of one table of a dump on standard input, as a COPY statement."""
    words = ("pg_restore", "--data-only", f"--schema={schema}", f"--table={table}", "--file=-")
    return limited(words, size)


def restore(size: int, database: str, *, owners: bool = True) -> tuple[str, ...]:
    """Restore a dump on standard input into a database that is empty: all of it, or nothing.

    Without ``owners`` everything belongs to who restores it, and nobody else has rights.
    """
    left_out = () if owners else ("--no-owner", "--no-privileges")
    into = ("--no-password", "--exit-on-error", "--single-transaction", *left_out, f"--dbname={_named(database)}")
    return limited(("pg_restore", *into), size)


def variables(url: DatabaseUrl, host: str, port: int, name: str) -> dict[str, str]:
    """How libpq's programs get to the URL's database from a container that reaches its server at ``host``."""
    asked = {f"PG{key.upper()}": _text(url.url.query.get(key)) for key in _PASSED_ON}
    ours = {"PGSSLMODE": "prefer"} if host == "127.0.0.1" else {}  # a certificate is for the name that others use
    found = {
        "PGHOST": host,
        "PGPORT": str(port),
        "PGUSER": url.url.username or "",
        "PGPASSWORD": url.url.password or _text(url.url.query.get("password")),
        "PGDATABASE": url.url.database or "",
        "PGAPPNAME": name,
        "PGCONNECT_TIMEOUT": "20",
        **asked,
        **ours,
    }
    return {key: value for key, value in found.items() if value}


def _named(database: str) -> str:
    """A database's name where a connection string would be taken as well."""
    quoted = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}'"


def _text(value: tuple[str, ...] | str | None) -> str:
    return value if isinstance(value, str) else value[0] if value else ""
