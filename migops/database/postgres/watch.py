"""Watches a migration from our own session: who it waits for is named, and a wait that takes too long is cancelled.

While a migration waits for a table, everyone who comes after it waits as well: the application stands still. The
server's own ``lock_timeout`` ends such a wait only where the driver passes it on (asyncpg does not), and never says
who was in the way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from migops.core.errors import Aborted, Unavailable
from migops.database.postgres.recorder import Note, Recorder, no_ports, unnoted
from migops.database.postgres.server_session import as_text
from migops.database.postgres.session import Blocker, Session, SessionLost, Waiting
from migops.database.postgres.still_running import PastMigration

PERIOD = 0.1  # seconds between two looks for sessions of the migration that are to be noted
EVERY = 5  # so many of these from one look at who waits for whom to the next
NAMED_AFTER = 1.0  # seconds of waiting after which the user is told
STRONG = frozenset({"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"})
"""What DDL asks for; an application's own statements do not."""

Reporter = Callable[[str], None]


def nobody() -> Collection[str]:
    """No address is known."""
    return ()


def silent(text: str) -> None:
    """Says nothing."""


@dataclass(frozen=True, slots=True)
class MigrationSessions:
    """By what the migration's sessions are known among all others of the database.

    ``application`` is the name that PGAPPNAME gave it ('' where that was not set). ``addresses`` are those of its
    container, asked for until there are any. ``since`` is the server's time at which nothing of it was connected yet.
    ``alone`` says that nobody else connects from there: its container is a one-off.
    """

    application: str = ""
    addresses: Callable[[], Collection[str]] = nobody
    since: Any = None
    alone: bool = False

    def is_it(self, waiting: Waiting, addresses: Collection[str], named: bool) -> bool:
        """Whether a session that waits is the migration's. ``named``: a session of the server has had its name.

        Where the name did not get through (asyncpg), the address must tell; and where others connect from there as
        well, that the session has only just begun and asks for what DDL asks for.
        """
        if named or waiting.address not in addresses:
            return bool(self.application) and waiting.application == self.application
        if self.since is not None and (waiting.began is None or waiting.began < self.since):
            return False
        return self.alone or (waiting.kind == "relation" and waiting.mode in STRONG)


@dataclass(slots=True)
class Wait:
    """One wait of the migration: for what, for how many seconds, who was in the way, and whether we cancelled it."""

    waiting: Waiting
    blockers: tuple[Blocker, ...]
    seconds: float = 0.0
    cancelled: bool = False

    def __str__(self) -> str:
        what = f"{self.waiting.mode} on {self.waiting.table}" if self.waiting.table else "what another one has changed"
        if self.waiting.kind == "virtualxid":
            what = "older transactions to end"
        return f"the migration waits for {what}, held by {'; '.join(map(str, self.blockers)) or 'nobody any more'}"


@dataclass(slots=True)
class Watched:
    """What was seen so far. ``lost`` says why our session, and with it the lock, is gone; '' while it is not.

    ``recorder`` has the migration's sessions; None where nobody looked.
    """

    waits: list[Wait] = field(default_factory=list)
    lost: str = ""
    recorder: Recorder | None = None

    @property
    def backends(self) -> frozenset[int]:
        """The server's numbers of the sessions that are surely the migration's."""
        seen = self.recorder.seen.values() if self.recorder else ()
        return frozenset(each.pid for each in seen if each.started)

    @property
    def was_cancelled(self) -> bool:
        """Whether a statement of the migration was cancelled by us."""
        return any(wait.cancelled for wait in self.waits)

    def migration(self, run: int, command: str, exit: int | None) -> PastMigration | None:
        """What is known of the migration's sessions, once its container has ended; None where nobody looked.

        ``run`` and ``command`` are those of the journal, ``exit`` is how the container ended (None: not seen).
        """
        found = self.recorder
        if found is None:
            return None
        sessions = tuple(found.seen.values())
        return PastMigration(run, command, found.application, found.since, found.addresses, sessions, exit)

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """Who was in the way of the last wait; empty where there was none."""
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
    """Watch for the length of the ``with``, in a thread; the first words of ``MigrationSessions`` say whom.

    Every session of the migration is noted by ``note`` as soon as it is seen; ``Recorder`` says what ``ports`` is for.
    A wait for a lock is named by ``say`` after a second, and cancelled after ``lock_timeout`` seconds (0: never).
    ``lost`` is called once, from the thread, where the lock is no longer ours: then nobody is kept away any more.
    """
    recorder = Recorder(session, application, as_text(since), alone, note, ports)
    watched = Watched(recorder=recorder)
    stop = threading.Event()
    migration_sessions = MigrationSessions(application, addresses, since, alone)
    lock_watcher = _Hunter(session, migration_sessions, recorder, lock_timeout, say, lost, watched)
    thread = threading.Thread(target=lock_watcher.hunt, args=(stop,), daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join()


@dataclass(slots=True)
class _Hunter:
    session: Session
    migration_sessions: MigrationSessions
    recorder: Recorder
    lock_timeout: float
    say: Reporter
    lost: Callable[[], None]
    found: Watched
    is_unnoted: bool = False
    since: dict[tuple[int, str, str, str], float] = field(default_factory=dict)
    named: dict[tuple[int, str, str, str], Wait] = field(default_factory=dict)

    def hunt(self, stop: threading.Event) -> None:
        number = 0
        while not stop.wait(PERIOD):
            number += 1
            try:
                self._note()
                if number % EVERY == 0:
                    self.session.check()
                    self._look()
            except SessionLost as error:
                self.found.lost = error.message
            except Unavailable as error:
                self.found.lost = f"the session that held the lock is lost: {error.message}"
            if self.found.lost:
                self.lost()
                return

    def _note(self) -> None:
        """Note what is new of the migration's sessions. Where the journal takes no line, that is told once."""
        with suppress(Unavailable):  # of the engine: then the sessions are known by the rest of what is known
            if not (self.recorder.addresses and self.recorder.seen):  # of several networks, one may come after another
                self.recorder.come_from(self.migration_sessions.addresses())
        try:
            self.recorder.look()
        except Aborted as error:
            if not self.is_unnoted:
                self.say(f"the migration's sessions on the server cannot be noted: {error}")
            self.is_unnoted = True

    def _look(self) -> None:
        now = time.monotonic()
        waiting = {_key(each): each for each in self.session.waiting() if self._is_it(each)}
        self.since = {key: self.since.get(key, now) for key in waiting}
        self.named = {key: wait for key, wait in self.named.items() if key in waiting}
        for key, each in waiting.items():
            seconds = now - self.since[key]
            limit = self.lock_timeout or float("inf")
            if key not in self.named and seconds >= min(NAMED_AFTER, limit / 2):
                wait = self.named[key] = Wait(each, tuple(self.session.blockers(each.blocked_by)))
                self.found.waits.append(wait)
                self.say(str(wait))
            if key in self.named:
                self._cancel(self.named[key], seconds, limit)

    def _is_it(self, waiting: Waiting) -> bool:
        seen = self.recorder.seen.values()
        if any(each.started and (each.pid, each.started) == (waiting.pid, as_text(waiting.began)) for each in seen):
            return True
        named = any(each.application == self.migration_sessions.application != "" for each in seen)
        return self.migration_sessions.is_it(waiting, self.recorder.addresses, named)

    def _cancel(self, wait: Wait, seconds: float, limit: float) -> None:
        wait.seconds = seconds
        # CREATE INDEX CONCURRENTLY holds up nobody while it waits for old transactions; cut off, it leaves a ruin.
        if seconds < limit or wait.cancelled or wait.waiting.kind == "virtualxid":
            return
        wait.blockers = tuple(self.session.blockers(wait.waiting.blocked_by)) or wait.blockers
        wait.cancelled = self.session.cancel(wait.waiting.pid)
        if wait.cancelled:
            self.say(f"after {seconds:.0f} s of waiting its statement was cancelled, so that others can go on")


def _key(waiting: Waiting) -> tuple[int, str, str, str]:
    """One wait: the same session, at the same statement, for the same thing."""
    return waiting.pid, waiting.query, waiting.mode, waiting.table
