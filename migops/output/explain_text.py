"""The meaning of a rule, and the list of rules, in lines."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
