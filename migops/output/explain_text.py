"""The meaning of a rule or of a failure, and the lists of both, in lines."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migops.commands.failures import Failure
    from migops.output import View
    from migops.rules.rule import Rule


def listing(rules: Sequence[Rule], view: View) -> str:
    """A line for each rule: id, name, severity, summary."""
    width = max(len(rule.name) for rule in rules)
    lines = [f"{rule.id}  {rule.name:<{width}}  {rule.severity.value:<7}  {rule.summary}" for rule in rules]
    return "\n".join(lines) + "\n"


def one(rule: Rule, view: View) -> str:
    """A rule's name and its explanation."""
    return f"{rule.id} {rule.name} ({rule.severity.value})\n\n{inspect.cleandoc(rule.explanation)}\n"


def failures(known: Sequence[Failure], view: View) -> str:
    """The names of the failures, with the first words of what each means."""
    width = max(len(failure.name) for failure in known)
    lines = [f"{failure.name:<{width}}  {_short(failure.means)}" for failure in known]
    return (
        "\n".join(["", "Failures of Alembic, by the name that is printed with their explanation:", "", *lines]) + "\n"
    )


def failure(known: Failure, view: View) -> str:
    """A failure's name, its meaning, the rules that may be its cause, and the usual fix."""
    lines = [known.name, "", f"{known.means[0].upper()}{known.means[1:]}."]
    if known.rules:
        lines += ["", f"Causes that are checked: {', '.join(known.rules)}"]
    lines += ["", "Fix:", *(f"- {step.why}" for step in known.fix)]
    return "\n".join(lines) + "\n"


def _short(text: str) -> str:
    return re.split(r"[:;] ", text)[0]
