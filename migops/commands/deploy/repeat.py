"""A deploy stops before it repeats what an earlier run has, or may have, committed in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.core.errors import ManualActionRequired, MigopsError
from migops.core.text import listed
from migops.docker import Engine
from migops.runner.commits import earlier as earlier_runs
from migops.runner.commits.repeating import EarlierRuns
from migops.sources.database import Reached
from migops.state.engine_lock import EngineLock


def known(inputs: DeployInputs, repeat: Sequence[str]) -> None:
    """Raise MigopsError where ``--repeat`` names a revision that there is not."""
    if lacking := [each for each in repeat if each not in inputs.history.by_id]:
        raise MigopsError(
            f"--repeat {lacking[0]}: there is no such revision", hint="name it in full, as the earlier run did"
        )


def earlier(
    inputs: DeployInputs, folder: Path, engine: Engine, reached: Reached | None, options: Options,
    lock: EngineLock | None
) -> EarlierRuns:  # fmt: skip
    """What earlier runs may have committed in part, read now; ``inputs.state`` are the rows that it is held against.

    Runs of other state folders count as well: by the engine's notes, and by the journals of those whose ``lock`` was
    taken over.
    """
    if reached is None or reached.url.dialect != "postgresql":
        return EarlierRuns()
    rows = inputs.state.rows if inputs.state else ()
    others, project = lock.taken_from if lock else (), inputs.project.name
    found = earlier_runs.look(folder, engine, project, reached.url, options.timeout, rows, others)
    return earlier_runs.keep(found, engine, project)


def refuse(inputs: DeployInputs, past: EarlierRuns, pending: Sequence[str] | None, options: Options) -> None:
    """Raise ``ManualActionRequired`` where a pending revision may be there in part already, and ``--repeat`` does not
    name it."""
    if pending is None or not (found := past.about("upgrade", pending, options.repeat)):
        return
    commands = replace(inputs.target.commands, service="")
    all_found = past.about("upgrade", pending, ())  # what was said of a revision without a doubt is not needed again
    again = tuple(word for each in all_found for word in ("--repeat", each))
    services = tuple(each.name for each in inputs.services)
    first = next(iter(found.values()))
    raise ManualActionRequired(
        f"{listed(tuple(found))} would be applied again: {first.sentence()}; nothing was started",
        commands=[
            first.look(inputs.target.commands),
            commands.migops("rebuild-and-migrate", *again, *services),
        ],
        hint="see what it has done, and undo that by hand, or restore the backup; then say that it may run again:",
    )


def stop_before_a_repeat(deploy: Deploy) -> None:
    """The same once the database answers and the lock is ours; and note what is settled by this."""
    past = earlier(deploy.inputs, deploy.folder, deploy.engine, deploy.reached, deploy.options, deploy.lock)
    refuse(deploy.inputs, past, deploy.pending, deploy.options)
    past.settle(deploy.log, deploy.engine, deploy.inputs.project.name, deploy.options.repeat)
