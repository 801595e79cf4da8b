"""Stops Alembic before it repeats what an earlier run has, or may have, committed in part."""

from __future__ import annotations

from migops.commands.alembic.guards.context import listed
from migops.commands.alembic.guards.locks import TIMEOUT, Hold
from migops.commands.alembic.guards.outcome import Course
from migops.core.errors import ManualActionRequired, MigopsError
from migops.runner.commits import earlier
from migops.runner.commits.repeating import EarlierRuns


def stop_before_a_repeat(hold: Hold, course: Course) -> EarlierRuns:
    """What is known of earlier runs.

    Raises ``ManualActionRequired`` where one of the migrations may be there in part already and ``--repeat`` does not
    name it, MigopsError where ``--repeat`` names a revision that there is not.
    """
    context = hold.context
    run, repeat = context.run, context.run.run_options.repeat
    lacking = [each for each in repeat if course.history and each not in course.history.graph.by_id]
    if lacking:
        raise MigopsError(
            f"--repeat {lacking[0]}: there is no such revision", hint="name it in full, as the earlier run did"
        )
    if hold.reached is None or hold.session is None:
        return EarlierRuns()
    project = run.target.project
    past = earlier.look(
        hold.folder, run.engine, project, hold.reached.url, TIMEOUT, course.before or (), hold.lock.taken_from
    )  # fmt: skip
    past = earlier.keep(past, run.engine, project)
    steps = course.steps if course.expected is not None else None
    if found := past.about(context.call.verb, steps, repeat):
        first = next(iter(found.values()))
        again = [f"--repeat={each}" for each in (*repeat, *found)]
        raise ManualActionRequired(
            f"{listed(tuple(found))} would be run again: {first.sentence()}; nothing was started",
            commands=[first.look(run.target.commands)],
            hint="see what it has done, and undo that by hand, or restore a backup; then say that it may run again: "
            f"{context.typed(*again)}",
        )
    return past
