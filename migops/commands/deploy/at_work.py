"""Refuses a deploy where the database server still works on a past run's migration, before anything is planned."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from migops.commands.deploy.inputs import DeployInputs
from migops.core.errors import Unavailable
from migops.database.postgres.session import open_session
from migops.database.postgres.still_running import past_migrations
from migops.runner.migration_lock import sql_by
from migops.runner.past_runs import refuse_at_work
from migops.sources.database import Reached
from migops.state import journal
from migops.state.engine_lock import EngineLock


def refuse_at_first(lock: EngineLock, folder: Path, inputs: DeployInputs, reached: Reached, timeout: float) -> None:
    """Raise ``ManualActionRequired`` where the server works on a past run's migration.

    A server that does not answer is asked again under the database's lock.
    """
    if reached.url.dialect != "postgresql":  # no other server can be asked for sessions of runs that have gone
        lock.checked()
        return
    if not lock.unasked and not past_migrations(journal.runs(folder)):
        return
    with suppress(Unavailable), open_session(reached.url, timeout=timeout) as session:
        refuse_at_work(session, folder, lock, sql_by(reached, inputs.project, inputs.compose.words))
