"""Refuses a run while the database server still works on the migration of a past one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from migops.compose import Project
from migops.core.errors import Unavailable
from migops.database.postgres.session import Session, open_session
from migops.database.postgres.still_running import Sql, past_migrations, refuse_beside
from migops.runner.migration_lock import MigrationLock, sql_by
from migops.sources.database import Reached
from migops.state import journal
from migops.state.engine_lock import EngineLock
from migops.target import Target


def refuse_at_work(
    session: Session, folder: Path, lock: EngineLock | None, sql: Sql, *, sure_only: bool = False
) -> None:  # fmt: skip
    """Raise ``ManualActionRequired`` where the server works on a past run's migration, or (not with ``sure_only``) may.

    Past runs are those of this state folder, and of the runs whose lock was taken over.
    """
    for each in (folder, *(lock.unchecked if lock else ())):
        refuse_beside(session, each, sql, sure_only=sure_only)
    if lock is not None and not sure_only:  # nothing goes on for those that it was taken over from
        lock.checked()


def refuse_at_work_under(lock: MigrationLock, *, sure_only: bool = False) -> None:
    """The same under the database's lock; nothing where no session holds it."""
    if lock.session is not None:
        refuse_at_work(lock.session, lock.folder, lock.engine_lock, lock.sql(), sure_only=sure_only)


def refuse_at_first(
    lock: EngineLock, folder: Path, reached: Reached, project: Project | None, compose: Sequence[str], timeout: float
) -> None:  # fmt: skip
    """The same before the database's lock is taken; nothing where no past run's journal tells of a migration.

    A server that does not answer is asked again under the lock.
    """
    is_asked = reached.url.dialect == "postgresql"
    if is_asked and not lock.unasked and not past_migrations(journal.runs(folder)):
        return
    with suppress(Unavailable):
        _refuse(lock, folder, reached, project, compose, timeout)


def refuse_of_others(lock: EngineLock, folder: Path, target: Target, reached: Reached, timeout: float) -> None:
    """The same for a command that does not migrate, where its lock was taken over from a run that has gone.

    Raises ``Unavailable`` where the server does not answer.
    """
    if lock.took_over:
        _refuse(lock, folder, reached, target.model, target.commands.compose, timeout)


def _refuse(
    lock: EngineLock, folder: Path, reached: Reached, project: Project | None, compose: Sequence[str], timeout: float
) -> None:  # fmt: skip
    """``refuse_at_work`` by a session of its own."""
    if reached.url.dialect != "postgresql":  # no other server can be asked for sessions of runs that have gone
        lock.checked()
        return
    with open_session(reached.url, timeout=timeout) as session:
        refuse_at_work(session, folder, lock, sql_by(reached, project, compose))
