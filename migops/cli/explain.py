"""``migops explain``: the meaning of a rule, its cause, its fix."""

from __future__ import annotations

import click


@click.command("explain")
@click.argument("rule", required=False)
def explain(rule: str | None) -> None:
    """Explain RULE (an id or a name); without one, list the rules."""
    from migops.cli.output import show
    from migops.rules import RULES, find

    if rule is None:
        show("explain", RULES, {})
    else:
        show("explain RULE", find(rule), {})
