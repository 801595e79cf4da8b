"""Refuses a deploy where the database server still works on a migration, of a past run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.core.errors import Unavailable
from migops.database.postgres.session import Session, open_session
from migops.database.postgres.still_running import Sql, past_migrations, refuse_beside
from migops.runner.migration_lock import sql_by
from migops.sources.database import Reached
from migops.state import journal
from migops.state.engine_lock import EngineLock
from migops.target import Target


def refuse_at_first(lock: EngineLock, folder: Path, inputs: DeployInputs, reached: Reached, timeout: float) -> None:
    """Raise ``ManualActionRequired`` where the server works on a past run's migration, before anything is planned or
    done.

    Past runs are those of our own state folder, and of the runs whose lock was taken over.
    """
    if reached.url.dialect != "postgresql":  # no other server can be asked for sessions of runs that have gone
        lock.checked()
        return
    if not lock.unasked and not past_migrations(journal.runs(folder)):
        return
    with (
        suppress(Unavailable),
        open_session(reached.url, timeout=timeout) as session,
    ):  # it is asked again: refuse_before
        _refuse(session, lock, folder, sql_by(reached, inputs.project, inputs.compose.words))


def refuse_of_others(lock: EngineLock, folder: Path, target: Target, reached: Reached, timeout: float) -> None:
    """The same for a command that is no deploy, where its lock was taken over from a run that has gone.

    Raises ``Unavailable`` where the server does not answer.
    """
    if not lock.took_over:
        return
    if reached.url.dialect != "postgresql":
        lock.checked()
        return

    sql = sql_by(reached, target.model, target.commands.compose)
    with open_session(reached.url, timeout=timeout) as session:
        _refuse(session, lock, folder, sql)


def refuse_before(deploy: Deploy) -> None:
    """The same once more under the database's lock: the server may not have been there, or asked, at first."""
    if deploy.database.session is not None and deploy.database.reached is not None:
        _refuse(deploy.database.session, deploy.lock, deploy.folder, deploy.database.sql())


def _refuse(session: Session, lock: EngineLock | None, folder: Path, sql: Sql) -> None:
    for each in (folder, *(lock.unchecked if lock else ())):
        refuse_beside(session, each, sql)
    if lock is not None:  # nothing goes on for those that it was taken over from
        lock.checked()
