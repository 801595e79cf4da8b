"""The outcome as JSON, schema 1, built by hand: no internal type is ever dumped."""

from __future__ import annotations

import json
from typing import Any

from migops.commands.adopt.match import Candidate, Match
from migops.commands.adopt.outcome import Outcome
from migops.database.postgres.schema import STRICT, Difference, Item
from migops.output.view import View


def render(outcome: Outcome, view: View) -> str:
    """The document; ASCII only, since a name may contain terminal control characters."""
    return json.dumps(document(outcome), indent=2) + "\n"


def document(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain values. ``verdict`` is equal, several, different or versioned."""
    inputs, found, baseline = outcome.inputs, outcome.match, outcome.baseline
    return {
        "schema": 1,
        "command": "adopt",
        "verdict": found.verdict.value if found else "versioned",
        "target": {
            "project": inputs.target.project,
            "service": inputs.target.service,
            "image": {"ref": inputs.image.ref, "id": inputs.image.id},
        },
        "database": {
            "url": inputs.state.url,
            "url_from": inputs.state.origin,
            "asked_at": inputs.state.address,
            "server": inputs.state.server,
            "version_table": inputs.state.version_table,
            "rows": list(inputs.state.rows),
        },
        "compared": dict(found.kinds) if found else {},
        "candidates": [_candidate(outcome, each) for each in found.candidates] if found else [],
        "chosen": _chosen(outcome, found) if found else None,
        "not_compared": list(found.ignored) if found else [],
        "strict": found.strict if found else False,
        "kinds_not_compared": list(STRICT) if found and not found.strict else [],
        "baseline": {
            "path": str(baseline.path),
            "revision": baseline.revision,
            "message": baseline.message,
            "content": baseline.content,
        } if baseline else None,
        "dry_run": outcome.dry_run,
        "stamped": list(outcome.stamped),
    }  # fmt: skip


def _candidate(outcome: Outcome, each: Candidate) -> dict[str, Any]:
    return {
        "heads": list(each.heads),
        "messages": [outcome.message(head) for head in each.heads],
        "equal": each.comparison.is_equal,
        "distance": each.comparison.distance,
    }


def _chosen(outcome: Outcome, found: Match) -> dict[str, Any]:
    return {
        **_candidate(outcome, found.chosen),
        "differences": [_difference(each) for each in found.chosen.comparison.differences],
        "notes": [*outcome.notes, *found.chosen.comparison.notes],
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {
        "kind": each.item.kind,
        "name": each.item.name,
        "table": each.item.table,
        "migrations": _item(each.expected),
        "database": _item(each.found),
        "within": [f"{item.kind} {item.name}" for item in each.within],
    }


def _item(item: Item | None) -> dict[str, str] | None:
    return {"name": item.name, "definition": item.text} if item else None
