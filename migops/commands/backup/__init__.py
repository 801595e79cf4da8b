"""Verified dumps of the application's PostgreSQL database: taking, keeping and restoring them.

A deploy uses ``find`` (the database), ``plan`` (checks the free space), ``take`` and ``prune``.
"""

from migops.commands.backup.loading import restore_into
from migops.commands.backup.manifest import Manifest
from migops.commands.backup.source import Source, find, question
from migops.commands.backup.store import FOLDER, Backup, backups
from migops.commands.backup.take import Plan, Policy, Pruned, plan, prune, take

__all__ = [
    "FOLDER",
    "Backup",
    "Manifest",
    "Plan",
    "Policy",
    "Pruned",
    "Source",
    "backups",
    "find",
    "plan",
    "prune",
    "question",
    "restore_into",
    "take",
]
