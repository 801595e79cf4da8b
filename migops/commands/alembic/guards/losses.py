"""What an upgrade destroys by the literals of its scripts is said before, and asked for by a question of its own."""

from __future__ import annotations

from collections.abc import Sequence

from migops.commands.alembic.guards.context import GuardContext, History
from migops.migrations.losses import losses, sentence


def ask_where_data_goes(
    context: GuardContext, history: History, steps: Sequence[str] | None, rows: Sequence[str] | None
) -> None:
    """Say what goes and ask; ``Aborted`` without a yes (of --yes, where there is no terminal).

    Where it cannot be told which migrations will run (``steps`` is None), those that ``rows`` do not include may.
    """
    may_run = steps if steps is not None else history.graph.pending(rows or ())
    found = losses(history.held, history.graph, may_run)
    for revision, lost in found.items():
        context.say(sentence(revision, lost))
    if found:
        context.confirm("This data will be lost. Run this anyway?")
