"""A deploy as plain values, schema 1: the plan of a dry run, and how a deploy ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migops.commands.deploy.result import DeployResult, PlanResult


def end(result: DeployResult) -> dict[str, Any]:
    """The document of ``migops rebuild-and-migrate``."""
    before, after = result.revisions
    return {
        "schema": 1,
        "command": "rebuild-and-migrate",
        "outcome": result.outcome,
        "exit": result.code,
        "message": result.sentence,
        "steps": [
            {"name": name, "status": status, "seconds": round(seconds, 3)} for name, status, seconds in result.steps
        ],
        "image": {"before": result.images[0] or None, "after": result.images[1] or None},
        "revisions": {"before": _listed(before), "after": _listed(after)},
        "backup": result.backup or None,
        "commands": [list(words) for words in result.commands],
        "hint": result.hint,
        "next": list(result.next),
    }


def plan(result: PlanResult) -> dict[str, Any]:
    """The document of ``migops rebuild-and-migrate --dry-run``."""
    pending = None if result.pending is None else [{"id": name, "message": text} for name, text in result.pending]
    return {
        "schema": 1,
        "command": "rebuild-and-migrate",
        "outcome": "planned",
        "exit": 0,
        "steps": [
            {"name": step.name, "why": step.why, "commands": [list(words) for words in step.commands]}
            for step in result.steps
        ],
        "pending": pending,
        "revisions": {"before": _listed(result.rows)},
        "notes": [*result.past, *result.notes],
        "sql": result.ddl or None,
    }


def _listed(rows: Sequence[str] | None) -> list[str] | None:
    return None if rows is None else list(rows)
