"""Builds the revision graph of the scripts that were read, whatever state they are in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from migops.core.model import Revision, Unreadable
from migops.migrations.check import check
from migops.migrations.graph import Graph


def build(revisions: Iterable[Revision], unreadable: Iterable[Unreadable] = (), *, folder: str = "") -> Graph:
    """Build the graph of what was read, whatever state it is in.

    ``revisions`` come in the order of their files, which decides between two of one id as it does in Alembic.
    ``folder`` is what an empty history's problem points at.
    """
    files, unread = tuple(revisions), tuple(unreadable)
    by_id = {revision.id: revision for revision in files}
    labels = {label: revision.id for revision in files for label in revision.branch_labels}

    def needed(revision: Revision) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each if each in by_id else labels.get(each, each) for each in revision.depends_on))

    depends_on = {each.id: needed(each) for each in by_id.values() if each.depends_on}
    # Alembic's map is keyed by id and by label, so a script whose id was taken over is still linked by its label.
    linked = [each for each in files if by_id[each.id] is each or each.branch_labels]
    children = _inverse((each.id, each.parents) for each in linked)
    dependants = _inverse((each.id, needed(each)) for each in linked)
    # Of two files with one id Alembic links only the last; the first stays a head for it, whatever names it as parent.
    stray = {id(each) for each in files if by_id[each.id] is not each}
    heads = [each.id for each in files if id(each) in stray or each.id not in children]
    named = {*children, *dependants}
    effective = [each.id for each in files if id(each) in stray or each.id not in named]
    order = _upgrade_order(by_id, depends_on)
    graph = Graph(
        revisions=tuple(sorted(files, key=lambda each: order[each.id])),
        unreadable=unread,
        by_id=by_id,
        children=children,
        depends_on=depends_on,
        dependants=dependants,
        labels=labels,
        heads=tuple(dict.fromkeys(heads)),
        effective_heads=tuple(dict.fromkeys(effective)),
        bases=tuple(dict.fromkeys(each.id for each in files if not each.parents)),
        merges=tuple(each.id for each in by_id.values() if len(each.parents) > 1),
        branch_points=tuple(each for each in by_id if len(children.get(each, ())) > 1),
    )
    return replace(graph, problems=check(graph, files, folder))


def _inverse(pairs: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for child, parents in pairs:
        for parent in parents:
            found.setdefault(parent, {})[child] = None
    return {parent: tuple(each) for parent, each in found.items()}


def _upgrade_order(by_id: Mapping[str, Revision], depends_on: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """A rank for each revision, parents and dependencies first; what stands in a cycle comes last.

    A line is followed to its end before the next one is begun, so that branches stay together.
    """

    def below(revision: Revision) -> tuple[str, ...]:
        return tuple(dict.fromkeys(revision.parents + depends_on.get(revision.id, ())))

    waiting = {each.id: sum(parent in by_id for parent in below(each)) for each in by_id.values()}
    above = _inverse((each.id, below(each)) for each in by_id.values())
    ready = deque(each for each, count in waiting.items() if count == 0)
    order: dict[str, int] = {}
    while ready:
        each = ready.popleft()
        order[each] = len(order)
        for following in above.get(each, ()):
            waiting[following] -= 1
            if waiting[following] == 0:
                ready.appendleft(following)
    for each in by_id:
        order.setdefault(each, len(order))
    return order
