"""Records the sessions of a running migration in the journal at once, as its run may be killed at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from migops.core.errors import Unavailable
from migops.database.postgres.server_session import ServerSession
from migops.database.postgres.session import Session

Note = Callable[..., None]
"""Writes a line of facts: ``addresses`` or ``session``. Raises ``Aborted`` if it cannot be written."""

_ASK = (0.5, 2.0)  # seconds between two queries of the container's ports: with a new session, and otherwise


def unnoted(**facts: Any) -> None:
    """The default note: writes nothing."""


def no_ports() -> Collection[int]:
    """The default for unknown ports: none."""
    return ()


@dataclass(slots=True)
class Recorder:
    """Recognises the migration's sessions among all sessions of the server, and records each once.

    Created before the migration starts. A session is the migration's if it has its name (``application``); or if it
    started ``since`` and comes from an address of the container from which nothing else connects (``alone``); or
    otherwise (also if the server sees another address: NAT, the host's network) if it comes from a port that the
    migration's own processes have open. The server hides these properties of another role's session: one that is new
    in the database is recorded as shown.
    """

    session: Session
    application: str
    since: str  # the server's time
    alone: bool
    note: Note = unnoted
    ports: Callable[[], Collection[int]] = no_ports  # queries the container
    addresses: tuple[str, ...] = ()  # of the container
    seen: dict[tuple[int, str, str, int], ServerSession] = field(default_factory=dict)  # recorded ones, by identity
    _unwritten: list[dict[str, Any]] = field(default_factory=list)
    _is_first: bool = True
    _others: set[tuple[int, str, str, int]] = field(default_factory=set)
    _asked: float = 0.0
    _asked_about: set[tuple[int, str, str, int]] = field(default_factory=set)

    def come_from(self, addresses: Collection[str]) -> None:
        """Add addresses of the container; the next ``look`` records them."""
        new = [each for each in addresses if each not in self.addresses]
        if new:
            self.addresses = (*self.addresses, *new)
            self._unwritten.append({"addresses": list(self.addresses)})

    def look(self) -> None:
        """Record new sessions of the migration.

        Raises ``Unavailable``, and the journal's ``Aborted``: then the sessions are known nevertheless, and recorded
        with the next call.
        """
        now = {one.identity: one for one in self.session.sessions()}
        self._others &= now.keys()
        unclear = []
        for one in (now[key] for key in now.keys() - self.seen.keys()):
            if self._is_named(one):
                self._take(one)
            elif one.identity in self._others:
                continue
            elif self._is_noted(one):
                self._take(one)
            elif not one.started or one.started < self.since:
                self._others.add(one.identity)
            elif one.address in self.addresses or not any(known.started for known in self.seen.values()):
                unclear.append(one)
        self._is_first = False
        if unclear:
            self._by_port(unclear)
        while self._unwritten:
            self.note(**self._unwritten[0])
            del self._unwritten[0]

    def _is_named(self, one: ServerSession) -> bool:
        return bool(self.application) and one.application == self.application

    def _is_noted(self, one: ServerSession) -> bool:
        if not one.started:
            return not self._is_first and one.database == self.session.database
        return self.alone and one.address in self.addresses and one.started >= self.since

    def _by_port(self, unclear: list[ServerSession]) -> None:
        """Ask the container, if it is time, which of these sessions belong to its processes."""
        keys = {session.identity for session in unclear}
        is_new = not self.seen and not keys <= self._asked_about
        if time.monotonic() - self._asked < _ASK[0 if is_new else 1]:
            return
        try:
            ports = self.ports()
        except Unavailable:  # of the engine, or a container without a program to ask: retried later
            ports = ()
        self._asked, self._asked_about = time.monotonic(), keys
        for session in unclear:
            if session.port > 0 and session.port in ports:
                self._take(session)
            elif ports:  # the session was open before the ports were read, so a missing port means another client
                self._others.add(session.identity)

    def _take(self, one: ServerSession) -> None:
        self.seen[one.identity] = one
        self._unwritten.append({"session": one.record()})
