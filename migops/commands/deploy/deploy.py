"""A deploy while it goes on: what it has read, holds and has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.commands.deploy.step_name import StepName
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
class DeployRecord:
    """What the steps of a deploy have found and done so far. Also a step that fails leaves here what it has done."""

    old: dict[str, str] = field(default_factory=dict)
    """By service: the image that ran before."""
    tagged: dict[str, str] = field(default_factory=dict)
    """By service: the image that its name meant before."""
    built: dict[str, str] = field(default_factory=dict)
    """By service: the image that is to run."""
    left: dict[str, str] = field(default_factory=dict)
    """By name of an image: the image that this run has found or left it to mean last."""
    foreign: dict[str, str] = field(default_factory=dict)
    """By name of an image: the image that someone else has it mean meanwhile."""
    before: tuple[str, ...] | None = None
    """The rows of the version table before anything was migrated; None: not known yet."""
    after: tuple[str, ...] | None = None
    """The rows that were read last."""
    pending: tuple[str, ...] | None = None
    """The revisions that were to be applied; None: not known yet."""
    is_empty: bool = False
    """Whether the database had no table at all."""
    has_migrated: bool = False
    """True once this deploy has started an upgrade: before, rows that moved are somebody else's work."""
    stays: str = ""
    """What a failed migration has, or may have, left of a revision that is not noted; '' for nothing."""
    taken_back: bool = False
    """Whether the database was migrated and downgraded again."""
    backup: Path | None = None
    """The dump that was taken."""
    definition: Path | None = None
    """The file of the old definition, where the compose file does not have it any more."""
    compose_began: float | None = None
    """The engine's time at which the first compose command began that changes containers and did not end well; None
    where all did."""
    alembic: tuple[str, ...] = ()
    """How Alembic is called in the built image; empty before it was read."""
    starts_in: str = ""
    """The folder in the built image that Alembic is started in; empty if it is the container's own."""
    going_back: bool = False
    """Whether the old containers are being brought back."""
    recreated: bool = False
    """Whether they were, by the definition or the compose file."""
    stopped: dict[str, str] = field(default_factory=dict)
    """By service: the command of its old start that would fail on the database as it is, so that it stays stopped."""
    unrestored: list[str] = field(default_factory=list)
    """What of them is not as before."""
    begun: list[StepName] = field(default_factory=list)
    """The steps that were begun, in order."""
    seconds: dict[StepName, tuple[str, float]] = field(default_factory=dict)
    """By step: how it ended, and how long it took."""

    @property
    def has_moved(self) -> bool:
        """Whether the database is no longer where it was before, as far as was read."""
        return self.before is not None and self.after is not None and self.before != self.after


@dataclass(frozen=True, slots=True)
class Deploy:
    """One deploy: what it was told and has read, what it holds and writes to, and the record of its steps."""

    inputs: DeployInputs
    options: Options
    engine: Engine
    database: MigrationLock
    log: Journal
    say: Reporter
    stop: Stop
    record: DeployRecord = field(default_factory=DeployRecord)

    @property
    def alembic(self) -> tuple[str, ...]:
        """How Alembic is called: in the built image, or, before there is one, in the image that is there."""
        return self.record.alembic or self.inputs.evidence.alembic

    @property
    def starts_in(self) -> str:
        """The folder that Alembic is started in; empty if it is the container's own."""
        return self.record.starts_in or self.inputs.starts_in

    def replicas(self, service: str) -> int:
        """How many containers of a service there must be: as many as before, where the old ones are brought back."""
        inputs = self.inputs
        usual = inputs.scale.get(service, inputs.project.services[service].replicas)
        return inputs.previous.replicas().get(service, usual) if self.record.going_back else usual

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
        record = self.record
        if record.before is None:
            record.before, record.is_empty = state.rows, state.is_fresh
        record.after = state.rows
        return state

    def rows(self) -> tuple[str, ...]:
        """The version table's rows as they are now. Raises ``Unavailable`` where they cannot be read."""
        rows = self.record.after = self.database.rows()
        return rows

    def check_engine(self) -> None:
        """See that the engine's lock is still ours, before anything is changed. Raises ``LockLost``."""
        self.database.check_engine()

    def check(self) -> None:
        """See that both locks are still ours, before something that cannot be undone. Raises as ``MigrationLock``."""
        self.database.check()

    def is_stopped(self) -> bool:
        """Whether a signal has come."""
        return bool(self.stop.came)
