"""Notes in the journal, at once, the sessions of a migration that runs: its run may be killed the next moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from migops.core.errors import Unavailable
from migops.database.postgres.server_session import ServerSession
from migops.database.postgres.session import Session

Note = Callable[..., None]
"""Writes a line of facts: ``addresses`` or ``session``. Raises ``Aborted`` where that cannot be done."""

_ASK = (0.5, 2.0)  # seconds between two questions to the container for its processes' ports: for a new one, or else


def unnoted(**facts: Any) -> None:
    """Writes nothing."""


def no_ports() -> Collection[int]:
    """No port is known."""
    return ()


@dataclass(slots=True)
class Recorder:
    """Tells the migration's sessions from all others of the server, and notes each once. Made before it is started.

    A session is the migration's where it has its name (``application``); or began since (the server's time) and comes
    from an address of its container, of which nobody else connects (``alone``); or, where others do, or where the
    address that the server sees is another one (NAT, the host's network), from a port that the migration's own
    processes have open. ``ports`` asks the container for these. ``seen`` are those that were noted, by their identity.
    Of another role's session all that would tell is hidden: one that is new in the database is noted as it is shown.
    """

    session: Session
    application: str
    since: str
    alone: bool
    note: Note = unnoted
    ports: Callable[[], Collection[int]] = no_ports
    addresses: tuple[str, ...] = ()
    seen: dict[tuple[int, str, str, int], ServerSession] = field(default_factory=dict)
    _unwritten: list[dict[str, Any]] = field(default_factory=list)
    _is_first: bool = True
    _others: set[tuple[int, str, str, int]] = field(default_factory=set)
    _asked: float = 0.0
    _asked_about: set[tuple[int, str, str, int]] = field(default_factory=set)

    def come_from(self, addresses: Collection[str]) -> None:
        """Learn the addresses of the container; the next look notes them."""
        new = [each for each in addresses if each not in self.addresses]
        if new:
            self.addresses = (*self.addresses, *new)
            self._unwritten.append({"addresses": list(self.addresses)})

    def look(self) -> None:
        """Note the sessions of the migration that are new.

        Raises ``Unavailable``, and ``Aborted`` of the journal: then they are known all the same, and noted the next
        time.
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
        """Ask the container, where it is time, which of these come from its processes."""
        keys = {each.identity for each in unclear}
        is_new = not self.seen and not keys <= self._asked_about
        if time.monotonic() - self._asked < _ASK[0 if is_new else 1]:
            return
        try:
            ports = self.ports()
        except Unavailable:  # of the engine, or of a container that has no program to ask: it is asked again
            ports = ()
        self._asked, self._asked_about = time.monotonic(), keys
        for each in unclear:
            if each.port > 0 and each.port in ports:
                self._take(each)
            elif ports:  # what the server knows has been open there since before they were asked for
                self._others.add(each.identity)

    def _take(self, one: ServerSession) -> None:
        self.seen[one.identity] = one
        self._unwritten.append({"session": one.record()})
