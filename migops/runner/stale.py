"""A line for a command that only reads, where it tells of older migrations than those on the host."""

from __future__ import annotations

from collections.abc import Callable

from migops.errors import MigopsError
from migops.runner.seen import compare, seen
from migops.runner.verbs import Call
from migops.runner.where import Where
from migops.survey import Survey
from migops.target import Target

READING = ("heads", "check", "current", "history", "branches", "show", "upgrade", "downgrade")
"""The verbs whose answer depends on the migrations; the last two are here with --sql."""


def say_stale(target: Target, read: Survey, where: Where, call: Call, say: Callable[[str], None]) -> None:
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
