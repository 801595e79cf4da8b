"""The outcome of adopt as plain values, schema 1, built by hand: no internal type is ever dumped."""

from __future__ import annotations

from typing import Any

from migops.commands.adopt.match import Candidate, Match
from migops.commands.adopt.outcome import Outcome
from migops.database.postgres.schema import STRICT, Difference, Item


def document(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain values. ``verdict``: equal, several, different or versioned."""
    inputs, match, baseline = outcome.inputs, outcome.match, outcome.baseline
    return {
        "schema": 1,
        "command": "adopt",
        "verdict": match.verdict.value if match else "versioned",
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
        "compared": dict(match.kinds) if match else {},
        "candidates": [_candidate(outcome, candidate) for candidate in match.candidates] if match else [],
        "chosen": _chosen(outcome, match) if match else None,
        "not_compared": list(match.ignored) if match else [],
        "strict": match.strict if match else False,
        "kinds_not_compared": list(STRICT) if match and not match.strict else [],
        "baseline": {
            "path": str(baseline.path),
            "revision": baseline.revision,
            "message": baseline.message,
            "content": baseline.content,
        } if baseline else None,
        "dry_run": outcome.dry_run,
        "stamped": list(outcome.stamped),
        "stale": outcome.stale.sentence if outcome.stale else None,
        "next": list(outcome.after()) if outcome.stamped or match is None else [],
    }  # fmt: skip


def _candidate(outcome: Outcome, candidate: Candidate) -> dict[str, Any]:
    return {
        "heads": list(candidate.heads),
        "messages": [outcome.message(head) for head in candidate.heads],
        "equal": candidate.comparison.is_equal,
        "distance": candidate.comparison.distance,
    }


def _chosen(outcome: Outcome, match: Match) -> dict[str, Any]:
    return {
        **_candidate(outcome, match.chosen),
        "differences": [_difference(difference) for difference in match.chosen.comparison.differences],
        "notes": [*outcome.notes, *match.chosen.comparison.notes],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.item.kind,
        "name": difference.item.name,
        "table": difference.item.table,
        "migrations": _item(difference.expected),
        "database": _item(difference.found),
        "within": [f"{item.kind} {item.name}" for item in difference.within],
    }


def _item(item: Item | None) -> dict[str, str] | None:
    return {"name": item.name, "definition": item.text} if item else None
