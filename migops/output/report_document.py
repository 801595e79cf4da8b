"""The report of check-image and doctor as plain values, schema 1.

Built by hand: no internal type is ever dumped, so types may change and this may not.
"""

from __future__ import annotations

from typing import Any

from migops.core.model import Finding, Link, PlaceSummary, Report, Row, Silenced


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
        "places": [place(summary) for summary in report.places],
        "links": [_link(link) for link in report.links],
        "matrix": [_row(row) for row in report.rows],
        "findings": [_finding(finding) for finding in report.findings],
        "skipped": [{"rule": skipped.rule, "reason": skipped.reason} for skipped in report.skipped],
        "deselected": list(report.deselected),
        "silenced": [_silenced(entry) for entry in report.silenced],
        "missing": list(report.missing),
        "warnings": list(report.warnings),
    }


def place(summary: PlaceSummary) -> dict[str, Any]:
    """A place: whether it was read, and its revisions and heads."""
    return {
        "place": summary.place.value,
        "status": summary.status,
        "reason": summary.reason,
        "location": summary.location,
        "revisions": summary.revisions,
        "heads": list(summary.heads),
        "mounts": list(summary.mounts),
    }


def _silenced(entry: Silenced) -> dict[str, Any]:
    """A deselected rule that the settings of the checkout left out, with the reason and the line there."""
    return {"rule": entry.rule, "reason": entry.reason, "file": entry.at.file, "line": entry.at.line}


def _row(row: Row) -> dict[str, Any]:
    """A script on which places disagree: its mark in each, and the link that causes it."""
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
