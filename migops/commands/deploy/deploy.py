"""A deploy while it goes on: what it has read, holds and has done so far."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.commands.deploy.stop import Stop
from migops.core.errors import Unavailable
from migops.core.model import Unknown
from migops.core.wait import retry
from migops.database.postgres.session import Session, open_session
from migops.docker import Engine
from migops.sources.database import Reached, reach, read
from migops.sources.database_state import DatabaseState
from migops.state.engine_lock import EngineLock
from migops.state.journal import Journal

T = TypeVar("T")

_AGAIN = 0.5  # seconds between two attempts to reach a database
_RETURN = 30.0  # seconds for a server that was restarted to answer again


class Reporter(Protocol):
    """Tells the user how it goes."""

    def begin(self, number: int, of: int, name: str) -> None: ...

    def line(self, text: str) -> None: ...

    def end(self, status: str, seconds: float) -> None: ...


@dataclass(slots=True)
class Deploy:
    """The state of one deploy.

    ``folder`` is the state folder, ``lock`` the project's lock on the engine. By name of an image: ``left`` is the
    image that this run has found or left it to mean last, ``foreign`` what someone else has it mean meanwhile. By
    service: ``old`` are the images that ran before, ``tagged`` those that the names meant before, ``built`` those that
    are to run. ``before`` are the rows of the version table before anything was migrated (None: not known yet),
    ``after`` those that were read last; ``stays`` is what a failed migration has, or may have, left of a revision that
    is not noted ('' nothing); ``taken_back`` tells that it was migrated and downgraded again, ``is_empty``
    that it had no table at all. ``backup`` is the dump that was taken. ``begun`` are the names of the steps that were
    begun, ``seconds`` how each ended and how long it took. ``compose_began`` is
    the engine's time at which the first compose command began that changes containers and did not end well; None where
    all did. ``definition`` is the file of the old definition, where the compose file does not have it any more;
    ``going_back`` tells that the old containers are brought back, ``recreated`` that they were, by the definition or
    the compose file, and ``unrestored`` what of them is not as before.
    """

    inputs: DeployInputs
    options: Options
    engine: Engine
    folder: Path
    log: Journal
    say: Reporter
    stop: Stop
    stack: ExitStack
    lock: EngineLock | None = None
    reached: Reached | None = None
    session: Session | None = None
    old: dict[str, str] = field(default_factory=dict)
    tagged: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    built: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] | None = None
    after: tuple[str, ...] | None = None
    pending: tuple[str, ...] | None = None
    stays: str = ""
    taken_back: bool = False
    is_empty: bool = False
    backup: Path | None = None
    definition: Path | None = None
    going_back: bool = False
    recreated: bool = False
    unrestored: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    seconds: dict[str, tuple[str, float]] = field(default_factory=dict)
    compose_began: float | None = None

    @property
    def has_moved(self) -> bool:
        """Whether the database is no longer where it was before, as far as was read."""
        return self.before is not None and self.after is not None and self.before != self.after

    def replicas(self, service: str) -> int:
        """How many containers of a service there must be: as many as before, where the old ones are brought back."""
        inputs = self.inputs
        usual = inputs.scale.get(service, inputs.project.services[service].replicas)
        return inputs.previous.replicas().get(service, usual) if self.going_back else usual

    def open(self, wait: float) -> DatabaseState:
        """Reach the database within ``wait`` seconds, take its lock, and read it.

        Raises ``Locked`` where another run has the lock, MigopsError (2) where a pooler stands in between, and
        ``Unavailable`` where it does not answer in time.
        """
        found = self._patiently(self._reach, wait)
        self.reached = found
        if found.url.dialect == "postgresql" and self.session is None:
            self.session = self._patiently(self._open_session, wait)
            self.session.lock()
        state = self._patiently(self._read, wait)
        if self.before is None:
            self.before, self.is_empty = state.rows, state.is_fresh
        self.after = state.rows
        return state

    def rows(self) -> tuple[str, ...]:
        """The version table's rows as they are now, asked anew: a lost answer is never guessed at.

        Raises ``Unavailable`` where they cannot be read, also some time after a restart of the server.
        """
        self.after = self._patiently(self._read_anew, _RETURN, hurried=False).rows
        return self.after

    def check_engine(self) -> None:
        """See that the engine's lock is still ours, before anything is changed. Raises ``LockLost``."""
        if self.lock is not None:
            self.lock.check()

    def check(self) -> None:
        """See that both locks are still ours, before something that cannot be undone.

        Raises ``LockLost`` or ``SessionLost`` where one is not; where the session went while a migration ran, say with
        a restart of the server, it is taken anew, and ``Locked`` raised where someone else was quicker.
        """
        self.check_engine()
        if self.session is not None:
            self.session.check()
        elif self.reached is not None and self.reached.url.dialect == "postgresql":
            self.session = self._patiently(self._open_session, _RETURN)
            self.session.lock()

    def _reach(self) -> Reached:
        found = reach(self.inputs.question)
        if isinstance(found, Reached):
            return found
        raise Unavailable(found.reason, hint=found.hint if isinstance(found, Unknown) else "")

    def _open_session(self) -> Session:
        assert self.reached is not None  # noqa: S101 - `open` has set it
        table = self.reached.table
        return self.stack.enter_context(
            open_session(
                self.reached.url, table=table.name, schema=table.schema, timeout=self.options.timeout,
                label="migops deploy",
            )
        )  # fmt: skip

    def _read(self) -> DatabaseState:
        if self.reached is None:
            raise Unavailable("the database was not reached")
        found = read(self.reached, self.options.timeout)
        if isinstance(found, Unknown):
            raise Unavailable(found.reason, hint=found.hint)
        return found

    def _read_anew(self) -> DatabaseState:
        try:
            return self._read()
        except Unavailable:
            self.reached = self._reach()  # a server that was started again may have another address
            return self._read()

    def _patiently(self, ask: Callable[[], T], wait: float, *, hurried: bool = True) -> T:
        """Ask until there is an answer, for ``wait`` seconds. ``hurried``: a signal ends the waiting."""
        return retry(ask, Unavailable, seconds=wait, pause=_AGAIN, is_final=lambda _: hurried and bool(self.stop.came))
