"""The result of ``doctor --fix`` as plain values, schema 1."""

from __future__ import annotations

from typing import Any

from migops.commands.fix.model import FileEdit
from migops.commands.fix.plan import Fixable, Unfixed
from migops.commands.fix.result import FixResult, Preview, UndoResult
from migops.output.fix_diff import diff, relative, words


def document(result: FixResult) -> dict[str, Any]:
    """The document; every key is always there."""
    report = result.preview.report
    return {
        "schema": 1,
        "command": "doctor --fix",
        "target": {"project": report.project, "service": report.service},
        "outcome": "fixed" if result.run else "nothing to fix",
        "fixed": [_fixed(each) for each in result.applied],
        "declined": [_fixed(each) for each in result.declined],
        "files": [_file(edit) for edit in result.edits],
        "not_edited": [_unfixed(each) for each in result.preview.plan.unfixed],
        "checks": [
            {"check": each.name, "tried": not each.untried, "reason": each.untried or None} for each in result.checks
        ],
        "remaining": [
            {"rule": each.rule, "severity": each.severity.value, "message": each.message} for each in result.remaining
        ],
        "run": result.run or None,
        "saved": str(result.saved) if result.saved else None,
        "undo": result.undo or None,
    }


def plan(preview: Preview) -> dict[str, Any]:
    """The document of what would be changed."""
    report = preview.report
    return {
        "schema": 1,
        "command": "doctor --fix",
        "target": {"project": report.project, "service": report.service},
        "fixable": [_fixed(each) for each in preview.plan.fixable],
        "files": [_file(edit) for edit in preview.edits],
        "not_edited": [_unfixed(each) for each in preview.plan.unfixed],
        "not_tried": [{"check": each.name, "reason": each.untried} for each in preview.untried],
    }


def undone(result: UndoResult) -> dict[str, Any]:
    """The document of a run that was taken back."""
    files = [relative(path) for path in result.files]
    return {"schema": 1, "command": "doctor --undo", "run": result.run, "files": files}


def _fixed(fixable: Fixable) -> dict[str, Any]:
    fix, finding = fixable.fix, fixable.finding
    return {
        "rule": finding.rule,
        "message": finding.message,
        "title": fix.title,
        "by_name_only": fix.by_name_only,
        "note": fix.note or None,
    }


def _file(edit: FileEdit) -> dict[str, Any]:
    change = "deleted" if edit.after is None else "created" if edit.before is None else "edited"
    return {
        "path": relative(edit.path),
        "change": change,
        "mode": f"{edit.mode:04o}" if edit.mode is not None else None,
        "notes": list(words(edit)),
        "diff": list(diff(edit)),
    }


def _unfixed(each: Unfixed) -> dict[str, Any]:
    return {
        "rule": each.finding.rule,
        "severity": each.finding.severity.value,
        "message": each.finding.message,
        "reason": each.reason,
        "commands": [list(step.command) for step in each.finding.remedy if step.command],
    }
