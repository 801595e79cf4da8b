"""What a reset gives to its reader: the plan before a yes, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from migops.commands.deploy.result import PlannedStep
from migops.core.model import Finding
from migops.database.postgres.usage import Table

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """The plan: what is replaced, what is kept and where, the steps, and the way back."""

    project: str
    service: str
    database: str
    server: str
    """The server's service."""
    size: int
    """Bytes of the database on the server's disk."""
    tables: tuple[Table, ...]
    rows: tuple[str, ...] | None
    """The rows of the version table; None if they are not known."""
    folder: str
    """The versions folder on the host."""
    scripts: tuple[str, ...]
    """The scripts that are replaced; all of them are committed."""
    services: tuple[str, ...]
    """The services that get the new image."""
    stops: tuple[str, ...]
    """The services and containers that are stopped and started."""
    kept: str
    """The name under which the old database is kept."""
    backups: str
    """The folder for the backup."""
    saved: str
    """The folder for the old scripts."""
    images: tuple[str, ...]
    """The names under which the images of now stay."""
    steps: tuple[PlannedStep, ...]
    back: tuple[Words, ...]
    """The commands that bring the old state back afterwards."""
    notes: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    """Sentences on earlier runs that were killed."""


@dataclass(frozen=True, slots=True)
class ResetResult:
    """How it ended."""

    plan: ResetPlan
    outcome: str
    """``done``, ``aborted``, ``failed`` or ``operator``."""
    code: int
    sentence: str
    steps: tuple[tuple[str, str, float], ...]
    """Name, status and seconds of each step that was begun."""
    backup: str
    """The dump; '' if none was taken."""
    written: str
    """The first revision's file; '' unless the reset was done."""
    revision: str
    commands: tuple[Words, ...] = ()
    """What to type now: after a failure, what brings the old state back."""
    hint: str = ""
    journal: str = ""
    findings: tuple[Finding, ...] = ()
    """What doctor finds afterwards, without what the commit settles."""
    unchecked: str = ""
    """Why doctor could not be asked; '' if it was."""
    remove: Words = ()
    """The command that drops the old database, once it is not needed any more."""
    colleagues: tuple[Words, ...] = ()
    """What others type after they have pulled the commit: their databases are at revisions that are gone."""
