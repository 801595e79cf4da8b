"""The revision graph as plain values, schema 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migops.output.near import near, nearby

if TYPE_CHECKING:
    from migops.commands.graph import GraphResult
    from migops.commands.status import Row, Status
    from migops.core.model import Revision
    from migops.migrations.problem import Problem


def document(result: GraphResult) -> dict[str, Any]:
    """The document of ``migops graph``; the keys of places and database are there if these were asked."""
    status, paths = result.status, result.drawing.paths
    rows = {row.revision.id: row for row in status.rows} if status else {}
    return {
        "schema": 1,
        "script_location": near(paths.script_location) or None,
        "version_locations": [near(folder) for folder in paths.version_locations],
        "revisions": [_revision(revision, rows.get(revision.id)) for revision in result.graph.revisions],
        "heads": list(result.graph.heads),
        "bases": list(result.graph.bases),
        "problems": [_problem(problem) for problem in result.drawing.problems],
        "notes": [nearby(note) for note in paths.notes],
        **(_places(status) if status else {}),
    }


def _revision(revision: Revision, row: Row | None) -> dict[str, Any]:
    return {
        "id": revision.id,
        "parents": list(revision.parents),
        "depends_on": list(revision.depends_on),
        "branch_labels": list(revision.branch_labels),
        "path": near(revision.path),
        **(_marked(row) if row else {}),
    }


def _marked(row: Row) -> dict[str, Any]:
    """The places that have a revision, and its state in the database: null if that is unknown."""
    return {
        "places": {place.value: mark != "missing" for place, mark in row.marks.items()},
        "changed_in": [place.value for place, mark in row.marks.items() if mark == "changed"],
        "applied": row.applied,
        "current": None if row.state is None else row.state == "current",
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "rule": problem.rule,
        "file": near(problem.at.file),
        "line": problem.at.line,
        "message": problem.message,
        "revisions": list(problem.revisions),
        "hint": problem.hint,
    }


def _places(status: Status) -> dict[str, Any]:
    from migops.output.report_document import place  # and with the next one, all that reads a database
    from migops.output.status_document import database

    return {
        "places": [place(summary) for summary in status.report.places],
        "database": database(status.database),
        "current": None if status.current is None else list(status.current),
        "pending": None if status.pending is None else list(status.pending),
        "state": status.word,
    }
