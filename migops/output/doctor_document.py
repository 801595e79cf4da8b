"""The report of doctor as plain values, schema 1: that of every check, and the plan."""

from __future__ import annotations

from typing import Any

from migops.core.model import Plan, Report, Step
from migops.output import report_document


def document(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    plan = report.plan or Plan()
    return {
        **report_document.document(report),
        "plan": [_step(number, step) for number, step in enumerate(plan.steps, 1)],
        "next": {"text": plan.next_text, "command": list(plan.next_command)},
    }


def _step(number: int, step: Step) -> dict[str, Any]:
    """A step: one command or one edit. ``follows`` are the rules whose findings follow from the cause, ``rules[0]``."""
    return {
        "number": number,
        "action": step.action.value,
        "command": list(step.command),
        "edit": "" if step.command else step.why,
        "file": step.at.file if step.at else "",
        "line": step.at.line if step.at else 0,
        "why": step.why,
        "rules": list(step.rules),
        "follows": list(step.rules[1:]),
        "choice": step.is_choice,
    }
