"""``backup`` as a command: a journalled dump with retention under the host's lock, and the list of backups."""

from __future__ import annotations

from migops.commands.backup.result import BackupList, BackupResult
from migops.commands.backup.source import find, question
from migops.commands.backup.store import FOLDER, backups
from migops.commands.backup.take import Policy, plan, prune, take
from migops.core.errors import MigopsError, Unavailable
from migops.docker import Engine
from migops.state import journal, state_folder
from migops.state.lock import host_lock
from migops.target import Target


def run(target: Target, engine: Engine, policy: Policy) -> BackupResult:
    """Take a backup of the target's database, then remove old ones by ``policy``.

    Raises ``Aborted`` if none was taken, ``Locked`` beside another run, MigopsError if there is no such database.
    """
    source = find(question(target, engine, policy.timeout), engine)
    folder = state_folder.folder(engine, target.project)
    with host_lock(folder, "migops backup"), journal.begin(folder, "backup", [target.service]) as log:
        planned = plan(engine, source, folder, policy)
        log.note("backup", "started", database=planned.facts.database)
        made = take(engine, planned)
        log.noted("backup", "done", path=str(made.path), sha256=made.manifest.sha256 if made.manifest else "")
        pruned = prune(planned)
        log.noted("retention", "done", removed=[str(backup.path) for backup in pruned.removed])
    return BackupResult(made, pruned, tuple(target.commands.migops("restore", made.path.name)))


def listing(project: str, engine: Engine) -> BackupList:
    """The backups of the project on the engine, newest first. Changes nothing."""
    folder = state_folder.path(engine, project) / FOLDER
    return BackupList(folder, tuple(backups(folder)))


def listing_on_disk(project: str, unread: MigopsError) -> BackupList:
    """The backups of the project on every engine, since none answers; ``unread`` says why. Changes nothing.

    Raises ``Unavailable`` if there are none: then the answer is not on disk.
    """
    folders = tuple(where for folder in state_folder.paths(project) if (where := folder / FOLDER).is_dir())
    there = tuple(backup for folder in folders for backup in backups(folder))
    if not there:
        raise Unavailable(f"no backups of {project} in {state_folder.root()}, and {unread}", hint=unread.hint)
    return BackupList(folders[0], there, str(unread), unread.hint, folders)
