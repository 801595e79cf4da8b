"""Whether the application starts with the edited files: in a sandbox project of its own, which is removed again.

Published ports, container names, labels and networks of the live project are left out; volumes are empty ones of the
sandbox, bind mounts only read, the network has no way out, and the database is a fresh server of the same image.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from migops.analysis.evidence import Evidence
from migops.commands.fix import start_trial
from migops.commands.fix.model import FileEdit
from migops.commands.fix.start_trial import TrialInputs
from migops.compose import Project
from migops.core.errors import MigopsError
from migops.docker import Engine
from migops.sandbox import owned
from migops.sandbox.compose_project import Started, sandbox, with_build
from migops.sandbox.definition import document
from migops.target import Target

RUNNING = 5.0  # seconds for which a container without a health check must run
DEADLINE = 150.0  # seconds for one start
_BUILD = 600.0  # seconds for a build
_NO_TABLE = re.compile(r"does not exist|UndefinedTable|no such table|doesn't exist|relation ", re.IGNORECASE)

Progress = Callable[[str], None]


class Outcome(str, Enum):
    """UNCHANGED: it does not start, and did not start before the edit either."""

    STARTED = "started"
    FAILED = "failed"
    UNCHANGED = "unchanged"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class StartResult:
    """The outcome as a sentence without a period (or why it was not tried), and the last lines of what failed."""

    outcome: Outcome
    message: str
    log: tuple[str, ...] = ()

    @property
    def blames_edit(self) -> bool:
        """True if the edit must be put back."""
        return self.outcome is Outcome.FAILED


def starts(
    target: Target, evidence: Evidence, engine: Engine, edits: Sequence[FileEdit], *,
    say: Progress = lambda line: None, deadline: float = DEADLINE,
) -> StartResult:  # fmt: skip
    """Start the application with the files as they are on disk now, after ``edits`` were applied.

    ``target`` and ``evidence`` were read before or after the edits. If it does not start, the old files are tried as
    well, so that a failure of another origin is not blamed on the edit. ``deadline``: seconds for each start; ``say``
    gets a line of progress before each.
    """
    try:
        model = start_trial.tried_project(target, engine)
        live = start_trial.project_with(model, start_trial.contents_before(model, edits))
        new = start_trial.project_with(model, {})
        also = start_trial.touched(target, live, new)
        inputs = TrialInputs(target, live, evidence, engine, edits, say, deadline, also)
        start_trial.refuse_database(inputs)
        return _judge(inputs, new)
    except MigopsError as error:
        return StartResult(Outcome.NOT_TRIED, error.message)


def _judge(inputs: TrialInputs, project: Project) -> StartResult:
    name = inputs.target.service
    new = _attempt(inputs, project, builds=start_trial.needs_build(inputs))
    if not new.problem:
        how = "is healthy" if new.checked else f"ran for {RUNNING:g} s (it has no health check)"
        return StartResult(Outcome.STARTED, f"{name} started in a sandbox project and {how}")
    inputs.say("it did not start; trying the files as they were, to see whether that is due to the edit")
    old = _attempt(inputs, inputs.live, builds=False)
    if old.problem:
        message = f"{name} does not start in a sandbox project, with the edit as without it ({new.problem})"
        return StartResult(Outcome.UNCHANGED, f"{message}, so no start has proved the edit", new.log)
    message = f"{name} does not start with the edit: {new.problem}; without the edit it starts"
    return StartResult(Outcome.FAILED, message, new.log)


def _attempt(inputs: TrialInputs, project: Project, *, builds: bool) -> Started:
    """Start with an empty database; if a table is missed there, with one that the migrations have filled."""
    first = _start(inputs, project, (), builds=builds)
    if not first.problem or not any(_NO_TABLE.search(line) for line in first.log):
        return first
    inputs.say(f"{first.problem}; trying again with a migrated database")
    second = _start(inputs, project, inputs.evidence.alembic, builds=builds)
    return first if second.problem else second


def _start(inputs: TrialInputs, project: Project, alembic: Sequence[str], *, builds: bool) -> Started:
    """One start, with the ``alembic`` words to migrate first, in a sandbox project that is removed again."""
    labels, name = owned.labels(), inputs.target.service
    with sandbox(inputs.engine, start_trial.variables(project)) as made:
        definition = document(start_trial.trial_of(inputs, project, made.name, alembic, builds=builds), labels)
        if builds:
            wanted = {each: project.services[each].raw["build"] for each in start_trial.built(inputs, project)}
            inputs.say(f"building {name} for the sandbox")
            if problem := made.build(with_build(definition, wanted, labels), _BUILD):
                return Started(f"its image cannot be built: {problem}")
        inputs.say(f"starting {name} in the sandbox project {made.name}")
        until = time.monotonic() + inputs.deadline
        return made.start(definition, start_trial.stays(inputs, project), until, RUNNING)
