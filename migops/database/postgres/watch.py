"""Watches a migration from a session of ours: reports the sessions that it waits for, and cancels long waits.

While a migration waits for a lock on a table, all later sessions queue behind it, and the application stands still. The
server's own ``lock_timeout`` ends such a wait only if the driver passes it on (asyncpg does not), and never names the
blocking session.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from migops.core.errors import Aborted, Unavailable
from migops.database.postgres.lock_rows import Blocker, Waiting
from migops.database.postgres.recorder import Note, Recorder, no_ports, unnoted
from migops.database.postgres.server_session import as_text
from migops.database.postgres.session import Session, SessionLost
from migops.database.postgres.still_running import PastMigration

PERIOD = 0.1  # seconds between two searches for new sessions of the migration
EVERY = 5  # number of periods between two checks for lock waits
NAMED_AFTER = 1.0  # seconds of waiting after which the wait is reported
STRONG = frozenset({"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"})
"""Lock modes that DDL needs and an application's own statements do not."""

Reporter = Callable[[str], None]


def nobody() -> Collection[str]:
    """The default for unknown addresses: none."""
    return ()


def silent(text: str) -> None:
    """The default reporter: drops the text."""


@dataclass(frozen=True, slots=True)
class MigrationSessions:
    """The properties that distinguish the migration's sessions from all others of the database."""

    application: str = ""  # the name from PGAPPNAME; '' if that was not set
    addresses: Callable[[], Collection[str]] = nobody  # of its container; called until there are any
    since: Any = None  # the server's time before it connected
    alone: bool = False  # nothing else connects from these addresses: its container is a one-off

    def is_it(self, waiting: Waiting, addresses: Collection[str], named: bool) -> bool:
        """True if a waiting session is the migration's. ``named``: a session with the migration's name was seen.

        If the driver does not pass the name on (asyncpg), the address decides; if others connect from there too, the
        session must also have started since, and wait for a lock mode of DDL.
        """
        if named or waiting.address not in addresses:
            return bool(self.application) and waiting.application == self.application
        if self.since is not None and (waiting.began is None or waiting.began < self.since):
            return False
        return self.alone or (waiting.kind == "relation" and waiting.mode in STRONG)


@dataclass(slots=True)
class Wait:
    """One wait of the migration for a lock."""

    waiting: Waiting
    blockers: tuple[Blocker, ...]
    seconds: float = 0.0  # its duration so far
    cancelled: bool = False  # by us

    def __str__(self) -> str:
        what = f"{self.waiting.mode} on {self.waiting.table}" if self.waiting.table else "what another one has changed"
        if self.waiting.kind == "virtualxid":
            what = "older transactions to end"
        return f"the migration waits for {what}, held by {'; '.join(map(str, self.blockers)) or 'nobody any more'}"


@dataclass(slots=True)
class Watched:
    """The observations so far."""

    waits: list[Wait] = field(default_factory=list)
    lost: str = ""  # the reason why our session, and with it the lock, is gone; '' while it is not
    recorder: Recorder | None = None  # of the migration's sessions; None without a watch

    @property
    def backends(self) -> frozenset[int]:
        """The server's numbers of the sessions that are certainly the migration's."""
        seen = self.recorder.seen.values() if self.recorder else ()
        return frozenset(each.pid for each in seen if each.started)

    @property
    def was_cancelled(self) -> bool:
        """True if we cancelled a statement of the migration."""
        return any(wait.cancelled for wait in self.waits)

    def migration(self, run: int, command: str, exit: int | None) -> PastMigration | None:
        """The record of the migration's sessions, once its container has ended; None without a watch.

        ``run`` and ``command`` are the journal's, ``exit`` is the container's exit code (None: not seen).
        """
        recorder = self.recorder
        if recorder is None:
            return None
        sessions = tuple(recorder.seen.values())
        return PastMigration(run, command, recorder.application, recorder.since, recorder.addresses, sessions, exit)

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """The sessions that blocked the last wait; empty without a wait."""
        return self.waits[-1].blockers if self.waits else ()


@contextmanager
def watch(
    session: Session,
    *,
    application: str = "",
    addresses: Callable[[], Collection[str]] = nobody,
    since: Any = None,
    alone: bool = False,
    ports: Callable[[], Collection[int]] = no_ports,
    note: Note = unnoted,
    lock_timeout: float = 5.0,
    say: Reporter = silent,
    lost: Callable[[], None] = lambda: None,
) -> Iterator[Watched]:
    """Watch the migration for the duration of the ``with``, in a thread.

    ``application``, ``addresses``, ``since`` and ``alone`` are those of ``MigrationSessions``, ``ports`` that of
    ``Recorder``. ``note`` records every session of the migration as soon as it is seen. ``say`` reports a wait for a
    lock after a second; it is cancelled after ``lock_timeout`` seconds (0: never). ``lost`` is called once, from the
    thread, if the lock is no longer ours, so that other runs are no longer locked out.
    """
    recorder = Recorder(session, application, as_text(since), alone, note, ports)
    watched = Watched(recorder=recorder)
    stop = threading.Event()
    migration_sessions = MigrationSessions(application, addresses, since, alone)
    lock_watcher = _LockWatcher(session, migration_sessions, recorder, lock_timeout, say, lost, watched)
    thread = threading.Thread(target=lock_watcher.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join()


@dataclass(slots=True)
class _LockWatcher:
    session: Session
    migration_sessions: MigrationSessions
    recorder: Recorder
    lock_timeout: float
    say: Reporter
    lost: Callable[[], None]
    watched: Watched
    is_unnoted: bool = False
    since: dict[tuple[int, str, str, str], float] = field(default_factory=dict)
    named: dict[tuple[int, str, str, str], Wait] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        number = 0
        while not stop.wait(PERIOD):
            number += 1
            try:
                self._note()
                if number % EVERY == 0:
                    self.session.check()
                    self._look()
            except SessionLost as error:
                self.watched.lost = error.message
            except Unavailable as error:
                self.watched.lost = f"the session that held the lock is lost: {error.message}"
            if self.watched.lost:
                self.lost()
                return

    def _note(self) -> None:
        """Record the migration's new sessions. A failure of the journal is reported once."""
        with suppress(Unavailable):  # of the engine: then the other properties identify the sessions
            if not (self.recorder.addresses and self.recorder.seen):  # networks may be attached one after another
                self.recorder.come_from(self.migration_sessions.addresses())
        try:
            self.recorder.look()
        except Aborted as error:
            if not self.is_unnoted:
                self.say(f"the migration's sessions on the server cannot be noted: {error}")
            self.is_unnoted = True

    def _look(self) -> None:
        now = time.monotonic()
        waiting = {_key(entry): entry for entry in self.session.waiting() if self._is_it(entry)}
        self.since = {key: self.since.get(key, now) for key in waiting}
        self.named = {key: wait for key, wait in self.named.items() if key in waiting}
        for key, entry in waiting.items():
            seconds = now - self.since[key]
            limit = self.lock_timeout or float("inf")
            if key not in self.named and seconds >= min(NAMED_AFTER, limit / 2):
                wait = self.named[key] = Wait(entry, tuple(self.session.blockers(entry.blocked_by)))
                self.watched.waits.append(wait)
                self.say(str(wait))
            if key in self.named:
                self._cancel(self.named[key], seconds, limit)

    def _is_it(self, waiting: Waiting) -> bool:
        seen = self.recorder.seen.values()
        same = (waiting.pid, as_text(waiting.began))
        if any(session.started and (session.pid, session.started) == same for session in seen):
            return True
        named = any(session.application == self.migration_sessions.application != "" for session in seen)
        return self.migration_sessions.is_it(waiting, self.recorder.addresses, named)

    def _cancel(self, wait: Wait, seconds: float, limit: float) -> None:
        wait.seconds = seconds
        # CREATE INDEX CONCURRENTLY blocks nobody while it waits; cancelled, it leaves an invalid index.
        if seconds < limit or wait.cancelled or wait.waiting.kind == "virtualxid":
            return
        wait.blockers = tuple(self.session.blockers(wait.waiting.blocked_by)) or wait.blockers
        wait.cancelled = self.session.cancel(wait.waiting.pid)
        if wait.cancelled:
            self.say(f"after {seconds:.0f} s of waiting its statement was cancelled, so that others can go on")


def _key(waiting: Waiting) -> tuple[int, str, str, str]:
    """The identity of a wait: session, statement, lock mode and table."""
    return waiting.pid, waiting.query, waiting.mode, waiting.table
