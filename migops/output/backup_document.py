"""A backup that was taken, and the list of them, as plain values, schema 1."""

from __future__ import annotations

from typing import Any

from migops.commands.backup.result import BackupList, BackupResult
from migops.commands.backup.store import Backup


def document(result: BackupResult) -> dict[str, Any]:
    """The document of ``migops backup``."""
    return {
        "schema": 1,
        "command": "backup",
        "backup": record(result.backup),
        "removed": [str(each.path) for each in result.pruned.removed],
        "not_counted": result.pruned.spared,
        "not_counted_because": result.pruned.unknown,
    }


def listing(result: BackupList) -> dict[str, Any]:
    """The document of ``migops backup --list``."""
    backups = [record(each) for each in result.backups]
    docker = {"unread": result.unread, "folders": [str(folder) for folder in result.folders]}
    return {
        "schema": 1,
        "command": "backup",
        "folder": str(result.folder),
        "backups": backups,
        "docker": docker if result.unread else None,
    }


def record(backup: Backup) -> dict[str, Any]:
    """One backup: its path, whether it is verified, and its manifest (null if there is none)."""
    known = {**backup.manifest.record()} if backup.manifest else None
    if known:
        del known["schema"]
    return {"path": str(backup.path), "verified": not backup.problem, "problem": backup.problem, "manifest": known}
