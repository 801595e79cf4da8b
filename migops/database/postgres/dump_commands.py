"""Commands of pg_dump and pg_restore, and their environment. Pure functions that run nothing.

Commands contain no part of a URL, as the host's process list shows them. libpq reads it from variables.
"""

from __future__ import annotations

from migops.database import DatabaseUrl
from migops.docker.feeding import limited

APPLICATION = "migops backup"
"""The start of the programs' name in the server's list of sessions, followed by the process that started them."""
LOCK_WAIT = 60  # seconds that pg_dump waits for a locked table
_PASSED_ON = ("sslmode", "options", "target_session_attrs")
"""Parameters of a URL's query that are valid in another container too; a certificate's path is not."""


def dump() -> tuple[str, ...]:
    """Dump the database of the environment to standard output."""
    return ("pg_dump", "--format=custom", "--no-password", f"--lock-wait-timeout={LOCK_WAIT * 1000}")


def listing(size: int) -> tuple[str, ...]:
    """Print the table of contents of a dump of ``size`` bytes on standard input."""
    return limited(("pg_restore", "--list"), size)


def reading(size: int) -> tuple[str, ...]:
    """Read a dump on standard input to its end, decompressing every block, and write nothing."""
    return limited(("pg_restore", "--file=/dev/null"), size)


def rows(size: int, schema: str, table: str) -> tuple[str, ...]:
    """Print the rows of one table of a dump on standard input, as a COPY statement."""
    words = ("pg_restore", "--data-only", f"--schema={schema}", f"--table={table}", "--file=-")
    return limited(words, size)


def restore(size: int, database: str, *, owners: bool = True) -> tuple[str, ...]:
    """Restore a dump on standard input into an empty database, in one transaction.

    Without ``owners``, everything belongs to the restoring role, and no other role has privileges.
    """
    left_out = () if owners else ("--no-owner", "--no-privileges")
    into = ("--no-password", "--exit-on-error", "--single-transaction", *left_out, f"--dbname={_named(database)}")
    return limited(("pg_restore", *into), size)


def variables(url: DatabaseUrl, host: str, port: int, name: str) -> dict[str, str]:
    """libpq's variables for the URL's database, in a container that reaches its server at ``host``."""
    asked = {f"PG{key.upper()}": _text(url.url.query.get(key)) for key in _PASSED_ON}
    ours = {"PGSSLMODE": "prefer"} if host == "127.0.0.1" else {}  # a certificate has the server's public name
    settings = {
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
    return {key: value for key, value in settings.items() if value}


def _named(database: str) -> str:
    """A database's name for an argument that may also be a connection string."""
    quoted = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}'"


def _text(value: tuple[str, ...] | str | None) -> str:
    return value if isinstance(value, str) else value[0] if value else ""
