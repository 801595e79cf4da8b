"""Verified dumps of the application's PostgreSQL database: taking, keeping and restoring them.

For a deploy: ``find`` the database, ``plan`` (which sees that there is room), ``take``, ``prune``.
"""

from migops.backup.loading import restore_into
from migops.backup.manifest import Manifest
from migops.backup.source import Source, find, question
from migops.backup.store import FOLDER, Backup, backups
from migops.backup.take import Plan, Policy, Pruned, plan, prune, take

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
