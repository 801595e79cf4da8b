"""``migops explain``: the meaning of a rule, or of a failure of Alembic, its cause, its fix."""

from __future__ import annotations

import click


@click.command("explain")
@click.argument("name", required=False)
def explain(name: str | None) -> None:
    """Explain NAME: a rule (its id or name), or a failure of Alembic by the name that migops gave it.

    Without NAME, list the rules and the failures.
    """
    from migops.cli.output import show
    from migops.commands.failures import FAILURES, named
    from migops.rules import RULES, find

    if name is None:
        show("explain", RULES, {})
        show("explain failures", FAILURES, {})
    elif failure := named(name):
        show("explain FAILURE", failure, {})
    else:
        show("explain RULE", find(name, [failure.name for failure in FAILURES]), {})
