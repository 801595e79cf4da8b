"""A client's session as a PostgreSQL server lists it, and its identity."""

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
"""Every other client's session of the server. Of another role's session the server may hide everything except number,
role, database and name."""

SERVER_STARTED = f"SELECT {_TIME.format('pg_catalog.pg_postmaster_start_time()')}"

_IDENTITY = ("pid", "started", "address", "port")
_NOTED = (*_IDENTITY, "application", "user", "database")


@dataclass(frozen=True, slots=True)
class ServerSession:
    """One session. All times are the server's, ISO 8601 in UTC with microseconds, so that they compare as text."""

    pid: int
    started: str = ""  # ``backend_start``; '' if hidden
    address: str = ""  # the client's; '' for a Unix socket
    port: int = 0  # the client's; -1 for a Unix socket, 0 if hidden
    application: str = ""
    user: str = ""
    database: str = ""
    state: str = ""
    transaction: str = ""  # the start of its transaction; '' for none
    statement: str = ""  # the start of its statement; '' for none
    query: str = ""  # the text of its last statement, redacted

    @property
    def identity(self) -> tuple[int, str, str, int]:
        """A key that no other session has. Process numbers and ports alone are reused."""
        return self.pid, self.started, self.address, self.port

    def is_same(self, other: ServerSession) -> bool:
        """True if the identities are equal. A session with a hidden start never matches."""
        return bool(self.started) and self.identity == other.identity

    def is_at_the_same_work(self, later: ServerSession) -> bool:
        """True if ``later``, of the same identity, is in the same transaction or at the same statement.

        A session whose client is gone starts nothing new, so one that has moved on has a living client. If the server
        does not show a session's work, it may be unchanged.
        """
        if not self.started or later.state == "disabled":  # by track_activities
            return True
        if "idle" in (self.state, later.state):
            return False
        return self.transaction == later.transaction != "" or self.statement == later.statement != ""

    def record(self) -> dict[str, Any]:
        """The journal's record, which ``recorded`` reads back. Without the statement's text, which may contain data."""
        return {name: value for name, value in asdict(self).items() if name in _NOTED}

    def __str__(self) -> str:
        name = f" ({self.application})" if self.application else ""
        since = f", connected since {self.started[:19].replace('T', ' ')} UTC" if self.started else ""
        statement = f": {' '.join(redact(self.query).split())}" if self.query else ""
        place = f"{self.address}:{self.port}" if self.address else "a socket" if self.port < 0 else "a hidden address"
        return f"pid {self.pid}{name}, user {self.user} from {place}{since}, {self.state or 'state hidden'}{statement}"


def from_row(row: tuple[Any, ...]) -> ServerSession:
    """The session of a row of ``SESSIONS``."""
    pid, started, address, port, *rest = row
    return ServerSession(int(pid), started or "", address or "", int(port or 0), *(each or "" for each in rest))


def as_text(time: datetime | None) -> str:
    """A driver's time in the format of ``ServerSession``; '' for none."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time else ""


def recorded(record: Mapping[str, Any]) -> ServerSession:
    """A session from ``ServerSession.record``; missing values stay empty."""
    known = {each.name for each in fields(ServerSession)} & record.keys()
    return ServerSession(**{"pid": 0, **{name: record[name] for name in known}})
