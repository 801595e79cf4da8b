"""Which downgrade leads the database back to the revisions that it was at, told from the history alone."""

from __future__ import annotations

from collections.abc import Collection

from migops.core.text import listed
from migops.migrations.graph import Graph
from migops.runner import preview


def target_back(graph: Graph, after: Collection[str], before: tuple[str, ...]) -> str | None:
    """The target of the one downgrade that leads from the rows ``after`` to ``before``; None if none does.

    Over a merge it may lead back to several rows, and may leave a branch applied that was not before. If a row has no
    script, it is not known where a downgrade leads: then it is the only row of before, and the caller looks afterwards.
    """
    targets = before or ("base",)
    if any(row not in graph.by_id for row in (*after, *before)):
        return targets[0] if len(targets) == 1 else None
    for target in targets:
        leads = preview.downgrade(graph, after, target)
        if leads is not None and sorted(leads.rows) == sorted(before):
            return target
    return None


def why_not(graph: Graph, after: Collection[str], before: tuple[str, ...]) -> str:
    """Why no downgrade leads back, as part of a sentence; empty if one does."""
    if target_back(graph, after, before) is not None:
        return ""
    return f"no single downgrade leads from {listed(sorted(after)) or 'nothing'} back to {listed(before) or 'base'}"
