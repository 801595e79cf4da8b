"""The answers of ``migops backup`` and ``migops restore``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migops.commands.backup.restore_plan import Restore
from migops.commands.backup.store import Backup
from migops.commands.backup.swap import Swapped
from migops.commands.backup.take import Pruned


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A new backup, what retention did, and ``restore``, the command that restores it."""

    backup: Backup
    pruned: Pruned
    restore: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BackupList:
    """The backups in a project's folder, the newest first."""

    folder: Path
    backups: tuple[Backup, ...]


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The plan of a restore, and what was done (None: nothing yet, or a dry run)."""

    plan: Restore
    swapped: Swapped | None = None
