"""What a deploy gives to its reader: the plan before a yes, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as the plan lists it: its name, why, and the commands that it comes to."""

    name: str
    why: str
    commands: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The plan: ``pending`` are revisions with their messages (None: not known yet), ``ddl`` their SQL where asked.

    ``losses`` says, a sentence each, what they destroy; it is among the ``notes``, too.
    """

    project: str
    service: str
    steps: tuple[PlannedStep, ...]
    pending: tuple[tuple[str, str], ...] | None
    rows: tuple[str, ...] | None
    notes: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    ddl: str = ""
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeployResult:
    """How it ended. ``steps`` are (name, status, seconds); images and revisions are those before and after."""

    outcome: str
    code: int
    sentence: str
    steps: tuple[tuple[str, str, float], ...]
    images: tuple[str, str]
    revisions: tuple[tuple[str, ...] | None, tuple[str, ...] | None]
    backup: str
    commands: tuple[tuple[str, ...], ...]
    hint: str = ""
    journal: str = ""
    next: tuple[str, ...] = ()
    """The command to type after a deploy that is done; () after any other, whose ``commands`` say what to do."""
