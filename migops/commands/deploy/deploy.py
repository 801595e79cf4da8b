"""A deploy while it goes on: what it has read, holds and has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.commands.deploy.stop import Stop
from migops.docker import Engine
from migops.runner.migration_lock import MigrationLock, patiently
from migops.sources.database_state import DatabaseState
from migops.state.engine_lock import EngineLock
from migops.state.journal import Journal


class Reporter(Protocol):
    """Tells the user how it goes."""

    def begin(self, number: int, of: int, name: str) -> None: ...

    def line(self, text: str) -> None: ...

    def end(self, status: str, seconds: float) -> None: ...


@dataclass(slots=True)
class Deploy:
    """The state of one deploy.

    ``database`` has the locks. By name of an image: ``left`` is the
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
    database: MigrationLock
    log: Journal
    say: Reporter
    stop: Stop
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

    @property
    def lock(self) -> EngineLock | None:
        """The project's lock on the engine."""
        return self.database.engine_lock

    @property
    def folder(self) -> Path:
        """The state folder."""
        return self.database.folder

    def open(self, wait: float) -> DatabaseState:
        """Reach the database within ``wait`` seconds, take its lock, and read it.

        Raises ``Locked`` where another run has the lock, MigopsError (2) where a pooler stands in between, and
        ``Unavailable`` where it does not answer in time.
        """
        database = self.database
        patiently(database.reach, wait, self.is_stopped)
        if database.url is not None and database.session is None:
            database.take(wait, self.is_stopped)
        state = patiently(database.read, wait, self.is_stopped)
        if self.before is None:
            self.before, self.is_empty = state.rows, state.is_fresh
        self.after = state.rows
        return state

    def rows(self) -> tuple[str, ...]:
        """The version table's rows as they are now. Raises ``Unavailable`` where they cannot be read."""
        self.after = self.database.rows()
        return self.after

    def check_engine(self) -> None:
        """See that the engine's lock is still ours, before anything is changed. Raises ``LockLost``."""
        self.database.check_engine()

    def check(self) -> None:
        """See that both locks are still ours, before something that cannot be undone. Raises as ``MigrationLock``."""
        self.database.check()

    def is_stopped(self) -> bool:
        """Whether a signal has come."""
        return bool(self.stop.came)
