"""A client's session as a PostgreSQL server lists it, and by what it is told from every other one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from typing import Any

from migops.core.redaction import redact

_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

SESSIONS = f"""
SELECT pid, {_TIME.format("backend_start")}, host(client_addr), client_port, application_name, usename, datname,
       state, {_TIME.format("xact_start")}, {_TIME.format("query_start")}, left(query, 200)
FROM pg_catalog.pg_stat_activity
WHERE coalesce(backend_type, 'client backend') = 'client backend' AND usename IS NOT NULL AND pid <> pg_backend_pid()
ORDER BY pid
"""  # noqa: S608 - our own text alone
"""Every other client's session of the server. Of another role's session the server may hide all but its number, its
role, its database and its name."""

SERVER_STARTED = f"SELECT {_TIME.format('pg_catalog.pg_postmaster_start_time()')}"

_IDENTITY = ("pid", "started", "address", "port")
_NOTED = (*_IDENTITY, "application", "user", "database")


@dataclass(frozen=True, slots=True)
class ServerSession:
    """One session. All times are the server's own, ISO 8601 in UTC with microseconds, so that they compare as text.

    ``started`` is ``backend_start`` ('' where the server hides it). ``address`` is the client's ('' for a Unix
    socket), ``port`` the client's (-1 for a Unix socket, 0 where it is hidden). ``transaction`` and ``statement`` are
    the starts of what it is at ('' for none), ``query`` its last statement's text, free of what looks like a secret.
    """

    pid: int
    started: str = ""
    address: str = ""
    port: int = 0
    application: str = ""
    user: str = ""
    database: str = ""
    state: str = ""
    transaction: str = ""
    statement: str = ""
    query: str = ""

    @property
    def identity(self) -> tuple[int, str, str, int]:
        """What only this session has: process numbers, and ports, are given again to others."""
        return self.pid, self.started, self.address, self.port

    def is_same(self, other: ServerSession) -> bool:
        """Whether all four match. A session whose start is hidden is never recognised by them."""
        return bool(self.started) and self.identity == other.identity

    def is_at_the_same_work(self, later: ServerSession) -> bool:
        """Whether ``later``, of the same identity, shows it in the transaction, or at the statement, as before.

        A session whose client is gone begins nothing new, so one that has moved on belongs to somebody who lives. Where
        the server does not show what a session does, it may still be at the same.
        """
        if not self.started or later.state == "disabled":  # by track_activities
            return True
        if "idle" in (self.state, later.state):
            return False
        return self.transaction == later.transaction != "" or self.statement == later.statement != ""

    def record(self) -> dict[str, Any]:
        """What the journal keeps of it; ``recorded`` reads it back. No text of a statement: it may hold data."""
        return {name: value for name, value in asdict(self).items() if name in _NOTED}

    def __str__(self) -> str:
        name = f" ({self.application})" if self.application else ""
        since = f", connected since {self.started[:19].replace('T', ' ')} UTC" if self.started else ""
        said = f": {' '.join(redact(self.query).split())}" if self.query else ""
        place = f"{self.address}:{self.port}" if self.address else "a socket" if self.port < 0 else "a hidden address"
        return f"pid {self.pid}{name}, user {self.user} from {place}{since}, {self.state or 'state hidden'}{said}"


def from_row(row: tuple[Any, ...]) -> ServerSession:
    """The session of a row of ``SESSIONS``."""
    pid, started, address, port, *rest = row
    return ServerSession(int(pid), started or "", address or "", int(port or 0), *(each or "" for each in rest))


def as_text(time: datetime | None) -> str:
    """A time that a driver has read, as ``ServerSession`` has times; '' for none."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time else ""


def recorded(record: Mapping[str, Any]) -> ServerSession:
    """A session as ``ServerSession.record`` has written it; what is not there stays empty."""
    known = {each.name for each in fields(ServerSession)} & record.keys()
    return ServerSession(**{"pid": 0, **{name: record[name] for name in known}})
