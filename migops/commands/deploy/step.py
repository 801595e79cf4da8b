"""A deploy as data: steps that are shown in a dry run, and the same ones carried out in a real one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migops.commands.deploy.commands import Words
from migops.commands.deploy.step_name import StepName

if TYPE_CHECKING:
    from migops.commands.deploy.deploy import Deploy

StepFacts = Mapping[str, Any]
Action = Callable[["Deploy"], StepFacts]
"""Does a step, and returns what the journal notes of it. What stands in the way is a ``Stopped`` (or
``Unavailable``)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its ``name``, ``why`` in a sentence, the commands that it comes to, what does it, and what undoes it.

    ``point_of_no_return``: once this step has started, signals are deferred until the deploy has finished.
    """

    name: StepName
    why: str
    act: Action
    commands: tuple[Words, ...] = ()
    undo: Action | None = None
    point_of_no_return: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order. ``pending`` are the revisions to be applied, in order; None where the database must run
    before that can be told. ``notes`` is what to know before saying yes."""

    steps: tuple[Step, ...]
    pending: tuple[str, ...] | None
    notes: tuple[str, ...] = ()
