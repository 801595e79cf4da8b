"""The status as plain values, schema 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migops.output import report_document
from migops.sources.database_state import DatabaseReading, DatabaseState

if TYPE_CHECKING:
    from migops.commands.status import Status


def document(status: Status) -> dict[str, Any]:
    """The document of ``migops status``; what was not read is null or left out, never false."""
    report = report_document.document(status.report)
    return {
        "schema": 1,
        "command": report["command"],
        "verdict": report["verdict"],
        "target": report["target"],
        "revisions": [
            {
                "id": row.revision.id,
                "message": row.revision.message,
                "parents": list(row.revision.parents),
                "places": {place.value: mark != "missing" for place, mark in row.marks.items()},
                "applied": row.applied,
            }
            for row in status.rows
        ],
        "heads": {place.value: list(heads) for place, heads in status.heads.items()},
        "current": None if status.current is None else list(status.current),
        "pending": None if status.pending is None else list(status.pending),
        "against": status.against.value,
        "state": status.word,
        "database": database(status.database),
        "places": report["places"],
        "findings": report["findings"],
        "skipped": report["skipped"],
        "deselected": report["deselected"],
        "silenced": report["silenced"],
        "missing": report["missing"],
        "warnings": report["warnings"],
    }


def database(state: DatabaseReading) -> dict[str, Any] | None:
    """The database as it describes itself; null if it was not read."""
    if not isinstance(state, DatabaseState):
        return None
    return {
        "url": state.url,
        "server": state.server,
        "version_table": state.version_table,
        "has_version_table": state.has_version_table,
        "tables": len(state.tables),
        "url_from": state.origin,
        "address": state.address,
    }
