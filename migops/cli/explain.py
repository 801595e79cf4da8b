"""``migops explain``: what a rule means, why it happens, how to fix it."""

from __future__ import annotations

import inspect

import click


@click.command("explain")
@click.argument("rule", required=False)
def explain(rule: str | None) -> None:
    """Explain RULE (an id or a name); without one, list the rules."""
    from migops.cli.output import put
    from migops.rules import RULES, find

    if rule is None:
        width = max(len(known.name) for known in RULES)
        lines = [f"{known.id}  {known.name:<{width}}  {known.severity.value:<7}  {known.summary}" for known in RULES]
        put("\n".join(lines) + "\n")
        return
    known = find(rule)
    put(f"{known.id} {known.name} ({known.severity.value})\n\n{inspect.cleandoc(known.explanation)}\n")
