"""The results of ``migops backup`` and ``migops restore``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migops.commands.backup.restore_plan import Restore
from migops.commands.backup.store import Backup
from migops.commands.backup.swap import Swapped
from migops.commands.backup.take import Pruned


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A new backup."""

    backup: Backup
    pruned: Pruned
    """The result of retention."""
    restore: tuple[str, ...]
    """The command that restores it."""


@dataclass(frozen=True, slots=True)
class BackupList:
    """The backups in a project's folder, newest first."""

    folder: Path
    backups: tuple[Backup, ...]
    unread: str = ""
    """The reason why no engine was asked; then ``backups`` are those of every engine that has the project."""
    hint: str = ""
    """What to do about that."""
    folders: tuple[Path, ...] = ()
    """The folders that were read, if there may be several."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """A restore, planned or finished."""

    plan: Restore
    swapped: Swapped | None = None
    """The finished swap; None for a dry run."""
