"""The JSON contract, schema 1, built by hand: no internal type is ever dumped, so types may change and this may not."""

from __future__ import annotations

import json
from typing import Any

from migops.core.errors import MigopsError, Stopped
from migops.core.model import Finding, Link, PlaceSummary, Report, Row
from migops.output.view import View


def render(report: Report, view: View) -> str:
    """The report as one JSON document, keys in the order of the contract, ending in a newline.

    ASCII only: a file name may hold terminal escapes or bytes that are no UTF-8, and neither may reach a terminal.
    """
    return json.dumps(document(report), indent=2) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    image = report.image
    return {
        "schema": 1,
        "command": report.command,
        "verdict": report.verdict.value,
        "target": {
            "project": report.project,
            "service": report.service,
            "image": {
                "ref": image.ref,
                "id": image.id,
                "created": image.created.isoformat() if image.created else None,
            }
            if image
            else None,
        },
        "places": [_place(place) for place in report.places],
        "links": [_link(link) for link in report.links],
        "matrix": [_row(row) for row in report.rows],
        "findings": [_finding(finding) for finding in report.findings],
        "skipped": [{"rule": skipped.rule, "reason": skipped.reason} for skipped in report.skipped],
        "deselected": list(report.deselected),
        "missing": list(report.missing),
    }


def failure(command: str, error: MigopsError) -> str:
    """The document printed instead of a command's own if it stopped with an error."""
    at = {"file": error.at.file, "line": error.at.line} if error.at else None
    said: dict[str, Any] = {"message": error.message, "at": at, "hint": error.hint, "exit": int(error.exit_code)}
    if isinstance(error, Stopped):
        said["commands"] = [list(command) for command in error.commands]
    return json.dumps({"schema": 1, "command": command, "verdict": "error", "error": said}, indent=2) + "\n"


def _place(place: PlaceSummary) -> dict[str, Any]:
    return {
        "place": place.place.value,
        "status": place.status,
        "reason": place.reason,
        "location": place.location,
        "revisions": place.revisions,
        "heads": list(place.heads),
    }


def _row(row: Row) -> dict[str, Any]:
    """A script on which places disagree: held, missing or changed in each, and the link that is the cause."""
    return {
        "revision": row.label,
        "path": row.path,
        "places": {place.value: mark for place, mark in row.marks.items()},
        "link": [place.value for place in row.link] if row.link else None,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "from": link.source.value,
        "to": link.target.value,
        "status": link.status.value,
        "only_from": list(link.only_source),
        "only_to": list(link.only_target),
        "changed": list(link.changed),
        "reason": link.reason,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "name": finding.name,
        "severity": finding.severity.value,
        "link": [place.value for place in finding.link] if finding.link else None,
        "subject": {"revision": finding.subject.revision, "path": finding.subject.path},
        "message": finding.message,
        "cause": finding.cause,
        "facts": dict(finding.facts),
        "remedy": [
            {"command": list(step.command), "why": step.why, "alternative": step.alternative} for step in finding.remedy
        ],
    }
