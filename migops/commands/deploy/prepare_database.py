"""The steps before anything is migrated: the database is up and locked, its state is as planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from migops.analysis.database_position import DatabasePosition, position
from migops.commands.deploy import preflight, settle, shell
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import not_running
from migops.core.errors import Aborted
from migops.core.model import PlaceName
from migops.core.text import listed
from migops.runner.past_runs import refuse_at_work_under
from migops.sources.database_state import DatabaseState


def start(deploy: Deploy) -> dict[str, Any]:
    """Start what the services need and is not running, wait for the database over TCP, lock it, and read it."""
    missing = not_running(deploy.engine, deploy.inputs.project, deploy.inputs.needs)
    if missing:
        words = deploy.inputs.compose.start(missing)
        ran = shell.run(deploy, words)
        if settle.was_killed(ran.code) and not deploy.stop.came:  # it starts only what does not run yet
            ran = shell.run(deploy, words)
        if ran.code:
            raise Aborted(f"{listed(missing)} could not be started (code {ran.code})", commands=[words])
    state = deploy.open(deploy.options.wait)
    if deploy.lock is not None and deploy.lock.unasked:  # it did not answer before
        refuse_at_work_under(deploy.database)
    position = judged(deploy, state)
    preflight.database(position, deploy.inputs.evidence)
    planned = deploy.inputs.position
    if planned is not None and planned.state.rows != state.rows:
        raise Aborted(
            f"the database was at {listed(planned.state.rows) or 'nothing'} when the plan was shown, and is at "
            f"{listed(state.rows) or 'nothing'} now: someone else is migrating",
            hint=f"see who that is ({deploy.inputs.target.commands.say('log')}), and run it again",
        )
    deploy.record.pending = position.pending or ()
    return {"started": list(missing), "rows": list(state.rows), "pending": list(deploy.record.pending)}


def judged(deploy: Deploy, state: DatabaseState) -> DatabasePosition:
    """How the database stands to the host's history, by what it says now."""
    return position(replace(deploy.inputs.evidence, database=state), PlaceName.HOST)
