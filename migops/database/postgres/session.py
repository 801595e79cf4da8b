"""Our own session on the database while something changes it: it holds the lock, and sees who waits for whom."""

from __future__ import annotations

import hashlib
import random
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migops.core.errors import Locked, MigopsError, Unavailable
from migops.core.printed import here
from migops.core.redaction import redact
from migops.core.wait import until
from migops.database import DatabaseUrl
from migops.database.postgres.direct import direct
from migops.database.postgres.server_session import SERVER_STARTED, SESSIONS, ServerSession, from_row
from migops.state.process import ourselves

if TYPE_CHECKING:
    from psycopg import Connection

PAUSE = (0.2, 0.6)  # seconds between two attempts, by chance in between: two that wait do not keep in step

_HOLDER = """
SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'a socket'),
       date_trunc('second', now() - a.backend_start)::text
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (
    SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.classid = %s::bigint::oid AND l.objid = %s::bigint::oid
"""
_WAITING = """
SELECT a.pid, host(a.client_addr), a.application_name, a.backend_start, a.query, l.locktype, l.mode,
       l.relation::regclass::text, pg_catalog.pg_blocking_pids(a.pid)
FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND NOT l.granted
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.wait_event_type = 'Lock'
"""
_BLOCKER = """
SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'a socket'), a.usename, a.state,
       date_trunc('second', now() - coalesce(a.xact_start, a.backend_start))::text, left(a.query, 200)
FROM pg_catalog.pg_stat_activity a WHERE a.pid = ANY(%s)
"""


class SessionLost(Unavailable):
    """The session that held the lock is gone, so nobody else is kept away any more."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session that holds what another one waits for. ``age`` is that of its transaction."""

    pid: int
    application: str
    address: str
    user: str
    state: str
    age: str
    query: str

    def __str__(self) -> str:
        name = f" ({self.application})" if self.application else ""
        said = " ".join(redact(self.query).split())
        state = self.state or "its state hidden from this user"
        return f"pid {self.pid}{name}, user {self.user} from {self.address}, {state} for {self.age}: {said}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session of this database that waits for a lock: from which address, for which ``mode`` on which table.

    ``kind`` is the server's ``locktype``: ``relation`` for a table, ``transactionid`` for a row that another
    transaction has changed, ``virtualxid`` for transactions that CREATE INDEX CONCURRENTLY lets end.
    """

    pid: int
    address: str
    application: str
    began: Any
    query: str
    kind: str
    mode: str
    table: str
    blocked_by: Sequence[int]


@dataclass(frozen=True, slots=True)
class Holder:
    """The session that has the lock: its number on the server, its name, where it comes from, how long it is open."""

    pid: int
    name: str
    address: str
    age: str

    def __str__(self) -> str:
        name = self.name or "a session without a name"
        return f"{name} (pid {self.pid} on the server, from {self.address}, connected for {self.age})"


@dataclass(slots=True)
class Session:
    """An open session. ``locked`` tells whether it has ever got the lock; ``key`` is the lock's number."""

    connection: Connection[Any]
    url: DatabaseUrl
    table: str
    schema: str
    key: int
    locked: bool = field(default=False)

    def lock(self, wait: float = 0.0) -> None:
        """Take the lock, trying for ``wait`` seconds. It is never waited for inside of the server: that deadlocks with
        CREATE INDEX CONCURRENTLY.

        Raises ``Locked`` naming the holder, and MigopsError where a pooler stands in between: behind one, two clients
        can have the same lock.
        """
        self._refuse_pooler()
        self.locked = until(
            lambda: bool(self._one("SELECT pg_catalog.pg_try_advisory_lock(%s)", self.key)), bool,
            seconds=wait, pause=lambda: random.uniform(*PAUSE),  # noqa: S311 - no secret
        )  # fmt: skip
        if not self.locked:
            raise Locked(
                f"another run has the lock of the database {self.url.shown}: {self.holder() or 'it has just gone'}",
                hint=f"wait until it has ended; `{shlex.join(here().unlock())}` shows who it is, and how to end it",
            )

    def holder(self) -> Holder | None:
        """Who has the lock now; None where nobody has."""
        found = self._all(_HOLDER, *_halves(self.key))
        return Holder(int(found[0][0]), *map(_text, found[0][1:])) if found else None

    def check(self) -> None:
        """See that the lock is still ours. Raises ``SessionLost`` where it is not, or where nobody answers."""
        try:
            held = self._one(
                "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                " AND granted AND classid = %s::bigint::oid AND objid = %s::bigint::oid", *_halves(self.key),
            )  # fmt: skip
        except Unavailable as error:
            raise SessionLost(f"the session that held the lock of {self.url.shown} is lost: {error.message}") from None
        if self.locked and not held:
            raise SessionLost(f"the lock of {self.url.shown} is no longer ours")

    def rows(self) -> tuple[str, ...] | None:
        """The revisions that the version table names, by their text; None where there is no such table."""
        from psycopg import sql

        name = sql.Identifier(*((self.schema, self.table) if self.schema else (self.table,)))
        if self._one("SELECT to_regclass(%s)::text", name.as_string(self.connection)) is None:
            return None
        rows = self._all(sql.SQL("SELECT version_num FROM {}").format(name))
        return tuple(sorted(str(number) for (number,) in rows))

    def now(self) -> Any:
        """The server's own time, to hold ``Waiting.began`` against."""
        return self._one("SELECT now()")

    def waiting(self) -> list[Waiting]:
        """All other sessions of the database that wait for a lock just now."""
        return [
            Waiting(int(pid), _text(host), _text(name), began, _text(query), _text(kind), _text(mode), _text(table), by)
            for pid, host, name, began, query, kind, mode, table, by in self._all(_WAITING)
        ]

    def blockers(self, pids: Sequence[int]) -> list[Blocker]:
        """The sessions with these numbers, as the server lists them. Of another user it may hide the query."""
        return [Blocker(int(pid), *map(_text, rest)) for pid, *rest in self._all(_BLOCKER, list(pids))]

    @property
    def database(self) -> str:
        """The name of the database that this session is connected to."""
        return self.connection.info.dbname

    def sessions(self) -> list[ServerSession]:
        """All other clients' sessions of the server, whatever database they are connected to."""
        return [from_row(row) for row in self._all(SESSIONS)]

    def server_started(self) -> str:
        """When the server was started, as ``ServerSession`` has times: what was connected before is gone."""
        return str(self._one(SERVER_STARTED))

    def cancel(self, pid: int) -> bool:
        """Cancel the statement that a session is at; False where there is none, or the server does not let us."""
        import psycopg

        try:
            return bool(self.connection.execute("SELECT pg_catalog.pg_cancel_backend(%s)", (pid,)).fetchone())
        except psycopg.errors.InsufficientPrivilege:
            return False

    def terminate(self, pid: int) -> bool:
        """End a session, and with it what it does and holds; False where there is none, or the server forbids it."""
        import psycopg

        try:
            rows = self.connection.execute("SELECT pg_catalog.pg_terminate_backend(%s)", (pid,)).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return False
        return bool(rows and rows[0][0])

    def _refuse_pooler(self) -> None:
        # Each connection is told its backend's number when it opens; a pooler makes one up.
        if self._one("SELECT pg_catalog.pg_backend_pid()") != self.connection.info.backend_pid:
            raise MigopsError(
                f"a pooler (PgBouncer or the like) stands before {self.url.shown}: behind it, two runs can hold the "
                "same lock, and settings leak from one session to another",
                hint="name the server itself, past the pooler: x-migops: {database-url: URL} under the service",
            )

    def _one(self, text: Any, *values: Any) -> Any:
        rows = self._all(text, *values)
        return rows[0][0] if rows else None

    def _all(self, text: Any, *values: Any) -> list[Any]:
        import psycopg

        from migops.database.reading import refused

        try:
            return self.connection.execute(text, values).fetchall()
        except (psycopg.Error, OSError) as error:
            raise refused(self.url, error) from None


@contextmanager
def open_session(
    url: DatabaseUrl, *, table: str = "alembic_version", schema: str = "", timeout: float = 20.0, label: str = "migops"
) -> Iterator[Session]:
    """A session of our own on a PostgreSQL database; ``label`` says what for, in the server's own lists.

    ``timeout`` (seconds) is for connecting, and for every statement of ours. The lock goes with the session.
    """
    who = ourselves()
    with direct(url, timeout=timeout, name=f"{label} {who.pid}@{who.host}") as connection:
        yield Session(connection, url, table, schema, lock_key(connection.info.dbname, schema, table))


def lock_key(database: str, schema: str, table: str) -> int:
    """The advisory lock's number: the same for everyone who migrates the same version table."""
    text = f"migops/1\0{database}\0{schema}\0{table}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _halves(key: int) -> tuple[int, int]:
    """The two numbers by which ``pg_locks`` shows a lock of 64 bits."""
    unsigned = key & 0xFFFF_FFFF_FFFF_FFFF
    return unsigned >> 32, unsigned & 0xFFFF_FFFF
