"""The order of doing: what must come first by the fixes themselves, then by the kinds of the steps. Pure."""

from __future__ import annotations

import heapq

from migops.commands.plan.nodes import Node, Steps
from migops.core.model import Action

_ANYWHERE = (Action.LOOK, Action.OTHER)
"""Kinds that hold nothing up: only the fix that they belong to orders them. OTHER is listed last."""


def order(steps: Steps) -> list[Node]:
    """The nodes in the order of doing. It ends for any input: an edge that would close a circle is never added."""
    _by_kind(steps)
    waiting = dict.fromkeys(steps.listed(), 0)
    for _, later in steps.edges:
        waiting[later] += 1
    ready = [(steps.nodes[number].action.rank, number) for number, count in waiting.items() if not count]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, number = heapq.heappop(ready)
        ordered.append(steps.nodes[number])
        for earlier, later in steps.edges:
            if earlier == number:
                waiting[later] -= 1
                if not waiting[later]:
                    heapq.heappush(ready, (steps.nodes[later].action.rank, later))
    return ordered


def _by_kind(steps: Steps) -> None:
    """Edges between the fixes: every edit before every build, every build before what uses the image, and so on."""
    spine = [number for number in steps.listed() if steps.nodes[number].action not in _ANYWHERE]
    for earlier in spine:
        for later in spine:
            if steps.nodes[earlier].action.rank < steps.nodes[later].action.rank:
                steps.edge(earlier, later)
