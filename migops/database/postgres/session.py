"""Our own session on the database during a change: it holds the lock, and queries lock waits."""

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
from migops.core.wait import until
from migops.database import DatabaseUrl
from migops.database.postgres.direct import direct
from migops.database.postgres.lock_rows import BLOCKER, HOLDER, WAITING, Blocker, Holder, Waiting
from migops.database.postgres.server_session import SERVER_STARTED, SESSIONS, ServerSession, from_row
from migops.state.process import ourselves

if TYPE_CHECKING:
    from psycopg import Connection

PAUSE = (0.2, 0.6)  # range of random seconds between two attempts, so that two waiting runs do not stay in step


class SessionLost(Unavailable):
    """The session that held the lock is gone, so other runs are no longer locked out."""


@dataclass(slots=True)
class Session:
    """An open session."""

    connection: Connection[Any]
    url: DatabaseUrl
    table: str  # the version table
    schema: str
    key: int  # the number of the advisory lock
    locked: bool = field(default=False)  # it has held the lock at some time

    def lock(self, wait: float = 0.0) -> None:
        """Take the lock, trying for ``wait`` seconds.

        Never waits inside the server, which would deadlock with CREATE INDEX CONCURRENTLY. Raises ``Locked`` naming the
        holder, and MigopsError behind a pooler, where two clients can hold the same lock.
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
        """The session that holds the lock now; None if it is free."""
        rows = self._all(HOLDER, *_halves(self.key))
        return Holder(int(rows[0][0]), *map(_text, rows[0][1:])) if rows else None

    def check(self) -> None:
        """Verify that the lock is still ours. Raises ``SessionLost`` if it is not, or if the server does not answer."""
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
        """The revisions in the version table, sorted; None if there is no such table."""
        from psycopg import sql

        name = sql.Identifier(*((self.schema, self.table) if self.schema else (self.table,)))
        if self._one("SELECT to_regclass(%s)::text", name.as_string(self.connection)) is None:
            return None
        rows = self._all(sql.SQL("SELECT version_num FROM {}").format(name))
        return tuple(sorted(str(number) for (number,) in rows))

    def now(self) -> Any:
        """The server's own time, comparable with ``Waiting.began``."""
        return self._one("SELECT now()")

    def waiting(self) -> list[Waiting]:
        """All other sessions of the database that are waiting for a lock."""
        return [
            Waiting(int(pid), _text(host), _text(name), began, _text(query), _text(kind), _text(mode), _text(table), by)
            for pid, host, name, began, query, kind, mode, table, by in self._all(WAITING)
        ]

    def blockers(self, pids: Sequence[int]) -> list[Blocker]:
        """The sessions with these numbers, as the server lists them. It may hide the query of another role."""
        return [Blocker(int(pid), *map(_text, rest)) for pid, *rest in self._all(BLOCKER, list(pids))]

    @property
    def database(self) -> str:
        """The name of the database that this session is connected to."""
        return self.connection.info.dbname

    def sessions(self) -> list[ServerSession]:
        """All other clients' sessions of the server, whatever database they are connected to."""
        return [from_row(row) for row in self._all(SESSIONS)]

    def server_started(self) -> str:
        """The server's start, in the format of ``ServerSession``. Earlier sessions are gone."""
        return str(self._one(SERVER_STARTED))

    def cancel(self, pid: int) -> bool:
        """Cancel a session's statement. False if there is none, or the server does not permit it."""
        import psycopg

        try:
            return bool(self.connection.execute("SELECT pg_catalog.pg_cancel_backend(%s)", (pid,)).fetchone())
        except psycopg.errors.InsufficientPrivilege:
            return False

    def terminate(self, pid: int) -> bool:
        """End a session with its work and locks. False if there is none, or the server does not permit it."""
        import psycopg

        try:
            rows = self.connection.execute("SELECT pg_catalog.pg_terminate_backend(%s)", (pid,)).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            return False
        return bool(rows and rows[0][0])

    def _refuse_pooler(self) -> None:
        # The server sends each connection its backend's number; a pooler sends a made-up one.
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
    """Open a session on a PostgreSQL database; ``label`` describes its purpose in the server's own lists.

    ``timeout`` (seconds) applies to connecting and to every statement. The lock ends with the session.
    """
    who = ourselves()
    with direct(url, timeout=timeout, name=f"{label} {who.pid}@{who.host}") as connection:
        yield Session(connection, url, table, schema, lock_key(connection.info.dbname, schema, table))


def lock_key(database: str, schema: str, table: str) -> int:
    """The advisory lock's number: the same for all runs that migrate the same version table."""
    text = f"migops/1\0{database}\0{schema}\0{table}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _halves(key: int) -> tuple[int, int]:
    """The two numbers that ``pg_locks`` shows for a lock of 64 bits."""
    unsigned = key & 0xFFFF_FFFF_FFFF_FFFF
    return unsigned >> 32, unsigned & 0xFFFF_FFFF
