"""The way back that ``--on-failure downgrade`` asks for: the new image's own downgrade, for whole revisions only."""

from __future__ import annotations

from typing import Any

from migops.commands.deploy import swap
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.lead_back import target_back, why_not
from migops.commands.deploy.migrate import downgraded
from migops.commands.deploy.outcome import explain_end
from migops.commands.deploy.step_name import StepName
from migops.core.errors import Failed
from migops.core.text import listed


def go_back(deploy: Deploy) -> dict[str, Any]:
    """Take the database back by the new image, where that was asked for and every script can; else it stays.

    It is left alone where it has not moved, and where a part of a revision was, or may have been, applied: Alembic
    does not know of that part, so what it took back would not be what was there before.
    """
    before = deploy.record.before or ()
    if not deploy.record.has_moved:
        return {"skipped": "the database is where it was"}
    if not deploy.record.has_migrated:
        return {"skipped": "this deploy has not started a migration: someone else has moved the database"}
    if deploy.options.on_failure != "downgrade":
        return {"skipped": "--on-failure downgrade was not given"}
    if deploy.record.stays:
        return {"skipped": f"a downgrade undoes whole revisions only: {deploy.record.stays}"}
    graph, after = deploy.inputs.history, deploy.record.after or ()
    if lacking := without_a_way(deploy):
        raise Failed(f"the database cannot be downgraded: {listed(lacking)} without a downgrade")
    target = target_back(graph, after, before)
    if target is None:
        raise Failed(f"the database cannot be downgraded: {why_not(graph, after, before)}")
    deploy.check()
    if StepName.SWAP in deploy.record.begun:
        swap.stop(deploy)
    migrated = downgraded(deploy, target)
    outcome, rows = migrated.outcome, migrated.outcome.after or ()
    if outcome.code:
        explain_end(deploy, migrated.end, "downgrade")
    if rows != before:
        raise Failed(f"the downgrade ended with code {outcome.code}, at {listed(rows) or 'nothing'}")
    if outcome.commits is not None and not outcome.commits.is_nothing:  # None after one that ended well
        why = outcome.commits.why
        raise Failed(f"the downgrade ended with code {outcome.code}, at {listed(rows) or 'nothing'}; {why}")
    deploy.record.taken_back = True
    return {"rows": list(rows)}


def without_a_way(deploy: Deploy) -> tuple[str, ...]:
    """The revisions that this deploy has applied and that have no downgrade; none that it never came to."""
    history = deploy.inputs.history
    if all(each in history.by_id for each in deploy.record.after or ()):
        applied = history.ancestors(deploy.record.after or ())
    else:  # it is not known how far it came
        applied = frozenset(history.by_id)
    return tuple(
        each for each in deploy.record.pending or () if each in applied and not history.by_id[each].has_downgrade
    )
