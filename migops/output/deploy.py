"""A deploy for its reader: the plan before a yes, a line a step while it goes on, and how it ended (text, JSON)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from migops.commands.deploy.result import DeployResult, PlanResult
from migops.core.printed import may_be_next
from migops.core.terminal import GREEN, RED, YELLOW, printable, quoted, styled
from migops.output.view import View

_INDENT = 16  # columns before a step's text
COLORS = {"done": GREEN, "aborted": YELLOW, "failed": RED, "operator": RED}


def plan_text(plan: PlanResult, view: View) -> str:
    """The plan, in ``view.width`` columns; commands are never broken."""
    head = printable(f"rebuild-and-migrate {plan.service}  (project {plan.project})")
    lines = [head, *_stands(plan), ""]
    for sentence in plan.past:
        lines += _wrapped(f"mind: {sentence}", view.width, 2)
    if plan.past:
        lines.append("")
    for number, step in enumerate(plan.steps, 1):
        head = f"{number:>3}  {step.name:<{_INDENT - 6}} "
        lines += _hanging(head, step.why, view.width)
        lines += [" " * _INDENT + shown(words) for words in step.commands]
        if step.name == "migrate":
            lines += [" " * _INDENT + line for line in _pending(plan)]
    if plan.notes:
        lines.append("")
        for note in plan.notes:
            lines += _hanging("note ", note, view.width)
    if plan.ddl:
        lines += ["", "the SQL of the pending revisions", *("  " + line for line in plan.ddl.splitlines())]
    return "\n".join(lines) + "\n"


def _stands(plan: PlanResult) -> Iterator[str]:
    """Where the database is now, if that is known."""
    if plan.rows is not None and plan.pending is not None:
        rows, number = ", ".join(plan.rows) or "no revision yet", len(plan.pending) or "nothing"
        yield printable(f"the database is at {rows}; {number} pending")


def _pending(plan: PlanResult) -> Iterator[str]:
    for revision, message in plan.pending or ():
        yield printable(f"{revision}  {message}".rstrip())


def end_text(end: DeployResult, view: View) -> str:
    """How it ended: the word, the state that is left, and what to type now."""
    word = end.outcome.upper() if end.outcome != "operator" else "YOUR DECISION IS NEEDED"
    head = styled(word, COLORS[end.outcome]) if view.color else word
    lines = ["", *_wrapped(f"{word}  {end.sentence}", view.width, 0)]
    lines[1] = lines[1].replace(word, head, 1)
    if end.backup:
        lines.append(f"  backup   {printable(end.backup)}")
    if end.journal:
        lines.append(f"  journal  {printable(end.journal)}")
    if end.hint:
        lines += _hanging("  hint     ", end.hint, view.width)
    for number, words in enumerate(end.commands):
        label = "  or       " if not may_be_next(words) else "  next     " if not number else " " * 11
        lines.append(f"{label}{shown(words)}")
    return "\n".join(lines) + "\n"


def end_json(end: DeployResult) -> str:
    """The written contract, schema 1."""
    before, after = end.revisions
    document = {
        "schema": 1,
        "command": "rebuild-and-migrate",
        "outcome": end.outcome,
        "exit": end.code,
        "message": end.sentence,
        "steps": [{"name": name, "status": status, "seconds": round(each, 3)} for name, status, each in end.steps],
        "image": {"before": end.images[0] or None, "after": end.images[1] or None},
        "revisions": {"before": _listed(before), "after": _listed(after)},
        "backup": end.backup or None,
        "commands": [list(words) for words in end.commands],
        "hint": end.hint,
    }
    return json.dumps(document, indent=2) + "\n"


def plan_json(plan: PlanResult) -> str:
    """A dry run as a document, schema 1."""
    pending = None if plan.pending is None else [{"id": name, "message": said} for name, said in plan.pending]
    document: Mapping[str, object] = {
        "schema": 1,
        "command": "rebuild-and-migrate",
        "outcome": "planned",
        "exit": 0,
        "steps": [
            {"name": step.name, "why": step.why, "commands": [list(words) for words in step.commands]}
            for step in plan.steps
        ],
        "pending": pending,
        "revisions": {"before": _listed(plan.rows)},
        "notes": [*plan.past, *plan.notes],
        "sql": plan.ddl or None,
    }
    return json.dumps(document, indent=2) + "\n"


def shown(words: Sequence[str]) -> str:
    """A command as it can be typed."""
    return " ".join(quoted(word) for word in words)


def _listed(rows: Sequence[str] | None) -> list[str] | None:
    return None if rows is None else list(rows)


def _hanging(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        printable(text), max(width, 40), initial_indent=head, subsequent_indent=" " * len(head),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    return _hanging(" " * indent, text, width)
