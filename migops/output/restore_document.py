"""A restore as plain values, schema 1: the plan of a dry run, and what was done."""

from __future__ import annotations

from typing import Any

from migops.commands.backup import undo_commands
from migops.commands.backup.restore_words import reasons, steps
from migops.commands.backup.result import RestoreResult
from migops.commands.backup.store import Backup
from migops.output.backup_document import record
from migops.output.json import lists
from migops.sources.database_state import DatabaseState


def document(result: RestoreResult) -> dict[str, Any]:
    """The document of ``migops restore``; ``seconds`` is null for a dry run."""
    planned, swapped = result.plan, result.swapped
    state = planned.state
    kept = planned.properties is not None
    return {
        "schema": 1,
        "command": "restore",
        "outcome": "planned" if swapped is None else "done",
        "database": planned.database,
        "backup": record(Backup(planned.path, planned.manifest)),
        "revisions": {
            "before": list(state.rows) if isinstance(state, DatabaseState) else None,
            "after": list(planned.verified.revisions),
        },
        "tables": len(planned.verified.contents.tables),
        "steps": steps(planned),
        "services": list(planned.services),
        "stops": [{"service": service, "why": why} for service, why in reasons(planned).items()],
        "unsure": [{"service": usage.service, "why": usage.why} for usage in planned.unsure],
        "origin": {
            "relation": planned.origin.relation.value,
            "why": list(planned.origin.why),
            "name_needed": planned.needs_name,
        },
        "kept": planned.old if kept else None,
        "down": [container.name for container in swapped.down] if swapped else [],
        "seconds": round(swapped.seconds, 3) if swapped else None,
        "commands": {"back": lists(undo_commands.back(planned)), "remove": list(undo_commands.removing(planned))}
        if kept
        else None,
    }
