"""A deploy stops before it repeats what an earlier run has, or may have, committed in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.docker import Engine
from migops.runner import earlier_runs
from migops.runner.commits.repeating import EarlierRuns
from migops.runner.earlier_runs import Again
from migops.sources.database import Reached
from migops.state.engine_lock import EngineLock


def known(inputs: DeployInputs, repeat: Sequence[str]) -> None:
    """Raise MigopsError where ``--repeat`` names a revision that there is not."""
    earlier_runs.refuse_unknown(repeat, inputs.history)


def earlier(
    inputs: DeployInputs, folder: Path, engine: Engine, reached: Reached | None, options: Options,
    lock: EngineLock | None
) -> EarlierRuns:  # fmt: skip
    """What earlier runs may have committed in part, read now; ``inputs.state`` are the rows that it is held against."""
    rows = inputs.state.rows if inputs.state else ()
    url = reached.url if reached else None
    return earlier_runs.look(folder, engine, inputs.project.name, url, options.timeout, rows, lock)


def refuse(inputs: DeployInputs, past: EarlierRuns, pending: Sequence[str] | None, options: Options) -> None:
    """Raise ``ManualActionRequired`` where a pending revision may be there in part already, and ``--repeat`` does not
    name it."""

    def again(doubts: Sequence[str]) -> Again:
        words = tuple(word for revision in doubts for word in ("--repeat", revision))
        services = tuple(service.name for service in inputs.services)
        return Again(replace(inputs.target.commands, service="").migops("rebuild-and-migrate", *words, *services))

    if pending is not None:
        earlier_runs.refuse(past, "upgrade", pending, options.repeat, inputs.target.commands, again)


def stop_before_a_repeat(deploy: Deploy) -> None:
    """The same once the database answers and the lock is ours; and note what is settled by this."""
    past = earlier(deploy.inputs, deploy.folder, deploy.engine, deploy.database.reached, deploy.options, deploy.lock)
    refuse(deploy.inputs, past, deploy.record.pending, deploy.options)
    past.settle(deploy.log, deploy.engine, deploy.inputs.project.name, deploy.options.repeat)
