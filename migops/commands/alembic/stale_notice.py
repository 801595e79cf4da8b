"""A line for a command that only reads, where it tells of older migrations than those on the host."""

from __future__ import annotations

from collections.abc import Callable

from migops.collect import Survey
from migops.commands.alembic.visible_migrations import compare, seen, some
from migops.core.errors import MigopsError
from migops.core.model import Unknown
from migops.core.terminal import shell_line
from migops.docker import Engine
from migops.runner.arguments import Call
from migops.runner.execution_target import ExecutionTarget
from migops.target import Target

READING = ("heads", "check", "current", "history", "branches", "show", "upgrade", "downgrade")
"""The verbs whose answer depends on the migrations; the last two are here with --sql."""


def say_stale(
    target: Target, read: Survey, where: ExecutionTarget, call: Call, engine: Engine, say: Callable[[str], None]
) -> None:
    """Say in one line what the host has otherwise. It stops nothing: the answer is of the place that runs."""
    if call.verb not in READING or "--help" in call.options:
        return
    history = seen(target, read, where)
    if history is None:
        return
    try:
        gap = compare(target, history)
    except MigopsError as error:
        say(f"this is what {history.place} has; the host's migrations could not be read: {error}")
        return
    if gap:
        say(f"{gap.sentence()}: {gap.command}")
    if call.verb == "check":
        _say_old_models(target, engine, say)


def _say_old_models(target: Target, engine: Engine, say: Callable[[str], None]) -> None:
    from migops.collect.env_code import changed_code, models_on_host  # no other verb looks at models

    try:
        models = models_on_host(target)
        changed = changed_code(target, models.code, engine) if models else ()
    except MigopsError as error:
        changed = Unknown(str(error))
    if isinstance(changed, Unknown):
        say(f"whether the image has the host's models is not known: {changed.reason}")
    elif changed:
        how = shell_line(target.commands.build()) or shell_line(target.commands.migops("check-image"))
        say(f"the models that are checked are not the host's ({some(changed)}): {how}")
