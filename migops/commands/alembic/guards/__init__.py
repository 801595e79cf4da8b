"""What is looked at, said and asked before Alembic changes something. A verb's guard is one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from migops.commands.alembic.call import Result
from migops.commands.alembic.guards.context import GuardContext
from migops.commands.alembic.guards.files import merge, revision
from migops.commands.alembic.guards.rows import downgrade, stamp, upgrade

__all__ = ["GUARDS", "GuardContext", "run"]

GUARDS: Mapping[str, Callable[[GuardContext], Result]] = {
    "revision": revision,
    "migrate": revision,
    "merge": merge,
    "upgrade": upgrade,
    "downgrade": downgrade,
    "stamp": stamp,
}


def run(context: GuardContext) -> Result:
    """Run the call past the guard of its verb."""
    return GUARDS[context.call.verb](context)
