"""Queries of lock waits, and their rows: waiting sessions, blocking sessions, the holder of the lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from migops.core.redaction import redact

HOLDER = """
SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'a socket'),
       date_trunc('second', now() - a.backend_start)::text
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (
    SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.classid = %s::bigint::oid AND l.objid = %s::bigint::oid
"""
WAITING = """
SELECT a.pid, host(a.client_addr), a.application_name, a.backend_start, a.query, l.locktype, l.mode,
       l.relation::regclass::text, pg_catalog.pg_blocking_pids(a.pid)
FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND NOT l.granted
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.wait_event_type = 'Lock'
"""
BLOCKER = """
SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'a socket'), a.usename, a.state,
       date_trunc('second', now() - coalesce(a.xact_start, a.backend_start))::text, left(a.query, 200)
FROM pg_catalog.pg_stat_activity a WHERE a.pid = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session that holds a lock that another one waits for. ``age`` is that of its transaction."""

    pid: int
    application: str
    address: str
    user: str
    state: str
    age: str
    query: str

    def __str__(self) -> str:
        name = f" ({self.application})" if self.application else ""
        statement = " ".join(redact(self.query).split())
        state = self.state or "its state hidden from this user"
        return f"pid {self.pid}{name}, user {self.user} from {self.address}, {state} for {self.age}: {statement}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session of this database that waits for a lock."""

    pid: int
    address: str
    application: str
    began: Any  # the session's start, in the server's time
    query: str
    kind: str
    """The server's ``locktype``: ``relation`` for a table, ``transactionid`` for a row that another transaction has
    changed, ``virtualxid`` for the transactions that CREATE INDEX CONCURRENTLY waits for."""
    mode: str
    table: str
    blocked_by: Sequence[int]  # the numbers of the blocking sessions


@dataclass(frozen=True, slots=True)
class Holder:
    """The session that holds the lock: its number on the server, its name, its address, its age."""

    pid: int
    name: str
    address: str
    age: str

    def __str__(self) -> str:
        name = self.name or "a session without a name"
        return f"{name} (pid {self.pid} on the server, from {self.address}, connected for {self.age})"
