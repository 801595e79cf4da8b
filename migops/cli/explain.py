"""``migops explain``: what a rule means, why it happens, how to fix it."""

from __future__ import annotations

import inspect

import click


@click.command("explain")
@click.argument("rule", required=False)
def explain(rule: str | None) -> None:
    """Say what RULE means (an id or a name); without one, list the rules."""
    from migops.rules import RULES, find

    if rule is None:
        width = max(len(known.name) for known in RULES)
        for known in RULES:
            click.echo(f"{known.id}  {known.name:<{width}}  {known.severity.value:<7}  {known.summary}")
        return
    known = find(rule)
    click.echo(f"{known.id} {known.name} ({known.severity.value})\n\n{inspect.cleandoc(known.explanation)}")
