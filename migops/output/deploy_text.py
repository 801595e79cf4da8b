"""A deploy for a terminal: the plan, and how the deploy ended."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migops.commands.deploy.result import DeployResult, PlanResult
from migops.core.printed import may_be_next
from migops.core.terminal import GREEN, RED, YELLOW, printable, shell_line, styled

if TYPE_CHECKING:
    from migops.output import View

_INDENT = 16  # columns before a step's text
COLORS = {"done": GREEN, "aborted": YELLOW, "failed": RED, "operator": RED}


def plan(result: PlanResult, view: View) -> str:
    """The plan, in ``view.width`` columns; commands are never broken."""
    head = printable(f"rebuild-and-migrate {result.service}  (project {result.project})")
    lines = [head, *_stands(result), ""]
    for sentence in result.past:
        lines += _wrapped(f"warning: {sentence}", view.width, 2)
    if result.past:
        lines.append("")
    for number, step in enumerate(result.steps, 1):
        head = f"{number:>3}  {step.name:<{_INDENT - 6}} "
        lines += hanging(head, step.why, view.width)
        lines += [" " * _INDENT + shell_line(words) for words in step.commands]
        if step.name == "migrate":
            lines += [" " * _INDENT + line for line in _pending(result)]
    if result.notes:
        lines.append("")
        for note in result.notes:
            lines += hanging("note ", note, view.width)
    if result.ddl:
        lines += ["", "the SQL of the pending revisions", *("  " + line for line in result.ddl.splitlines())]
    return "\n".join(lines) + "\n"


def _stands(plan: PlanResult) -> Iterator[str]:
    """The database's position, if it is known."""
    if plan.rows is not None and plan.pending is not None:
        rows, number = ", ".join(plan.rows) or "no revision yet", len(plan.pending) or "nothing"
        yield printable(f"the database is at {rows}; {number} pending")


def _pending(plan: PlanResult) -> Iterator[str]:
    for revision, message in plan.pending or ():
        yield printable(f"{revision}  {message}".rstrip())


def end(result: DeployResult, view: View) -> str:
    """The outcome in a word, the state that is left, the commands to type now."""
    word = result.outcome.upper() if result.outcome != "operator" else "MANUAL ACTION NEEDED"
    head = styled(word, COLORS[result.outcome]) if view.color else word
    lines = ["", *_wrapped(f"{word}  {result.sentence}", view.width, 0)]
    lines[1] = lines[1].replace(word, head, 1)
    if result.backup:
        lines.append(f"  backup   {printable(result.backup)}")
    if result.journal:
        lines.append(f"  journal  {printable(result.journal)}")
    if result.hint:
        lines += hanging("  hint     ", result.hint, view.width)
    for number, words in enumerate(result.commands):
        label = "  or       " if not may_be_next(words) else "  next     " if not number else " " * 11
        lines.append(f"{label}{shell_line(words)}")
    if result.next and not result.commands:
        lines.append(f"  next     {shell_line(result.next)}")
    return "\n".join(lines) + "\n"


def hanging(head: str, text: str, width: int) -> list[str]:
    """The text behind its head, in lines of ``width`` columns that begin below the text. Words are never broken."""
    return textwrap.wrap(
        printable(text), max(width, 40), initial_indent=head, subsequent_indent=" " * len(head),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    return hanging(" " * indent, text, width)
