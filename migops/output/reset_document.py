"""A reset as plain values, schema 1: the plan of a dry run, and how a reset ended."""

from __future__ import annotations

from typing import Any

from migops.commands.reset.result import ResetPlan, ResetResult
from migops.output.json import lists


def end(result: ResetResult) -> dict[str, Any]:
    """The document of ``migops reset``."""
    is_done = result.outcome == "done"
    return {
        "schema": 1,
        "command": "reset",
        "outcome": result.outcome,
        "exit": result.code,
        "message": result.sentence,
        "database": result.plan.database,
        "steps": [
            {"name": name, "status": status, "seconds": round(seconds, 3)} for name, status, seconds in result.steps
        ],
        "backup": result.backup or None,
        "kept": result.plan.kept if is_done else None,
        "scripts": {"old": result.plan.saved if is_done else None, "written": result.written or None},
        "revision": result.revision or None,
        "findings": [
            {"rule": each.rule, "name": each.name, "severity": each.severity.value, "message": each.message}
            for each in result.findings
        ],
        "doctor_unknown": result.unchecked or None,
        "commands": {
            "next": lists(result.commands),
            "back": lists(result.plan.back) if is_done else [],
            "remove": list(result.remove),
            "colleagues": lists(result.colleagues),
        },
        "hint": result.hint,
        "journal": result.journal or None,
    }


def plan(result: ResetPlan) -> dict[str, Any]:
    """The document of ``migops reset --dry-run``."""
    return {
        "schema": 1,
        "command": "reset",
        "outcome": "planned",
        "exit": 0,
        "database": result.database,
        "server": result.server,
        "size": result.size,
        "tables": [{"schema": each.schema, "name": each.name, "rows": each.rows} for each in result.tables],
        "revisions": None if result.rows is None else list(result.rows),
        "scripts": {"folder": result.folder, "names": list(result.scripts), "kept_in": result.saved},
        "services": list(result.services),
        "stops": list(result.stops),
        "kept": {"database": result.kept, "backups": result.backups, "images": list(result.images)},
        "steps": [{"name": step.name, "why": step.why} for step in result.steps],
        "notes": [*result.past, *result.notes],
        "commands": {"back": lists(result.back)},
    }
