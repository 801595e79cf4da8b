"""Construction of the revision graph from scripts, broken ones included."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from migops.core.model import Revision, Unreadable
from migops.migrations.check import check
from migops.migrations.graph import Graph


def build(revisions: Iterable[Revision], unreadable: Iterable[Unreadable] = (), *, folder: str = "") -> Graph:
    """Build the graph, whatever state the history is in. Never raises.

    ``revisions`` are in the order of their files; of two with one id the last counts, as in Alembic. ``folder`` is the
    location of an empty history's problem.
    """
    files, unread = tuple(revisions), tuple(unreadable)
    by_id = {revision.id: revision for revision in files}
    labels = {label: revision.id for revision in files for label in revision.branch_labels}

    def needed(revision: Revision) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name if name in by_id else labels.get(name, name) for name in revision.depends_on))

    depends_on = {revision.id: needed(revision) for revision in by_id.values() if revision.depends_on}
    # Alembic's map is keyed by id and by label, so a script whose id is used by another is still linked by its label.
    linked = [revision for revision in files if by_id[revision.id] is revision or revision.branch_labels]
    children = _inverse((revision.id, revision.parents) for revision in linked)
    dependants = _inverse((revision.id, needed(revision)) for revision in linked)
    # Of two files with one id Alembic links only the last; the first stays a head, even if others name it as parent.
    stray = {id(revision) for revision in files if by_id[revision.id] is not revision}
    heads = [revision.id for revision in files if id(revision) in stray or revision.id not in children]
    named = {*children, *dependants}
    effective = [revision.id for revision in files if id(revision) in stray or revision.id not in named]
    order = _upgrade_order(by_id, depends_on)
    graph = Graph(
        revisions=tuple(sorted(files, key=lambda revision: order[revision.id])),
        unreadable=unread,
        by_id=by_id,
        children=children,
        depends_on=depends_on,
        dependants=dependants,
        labels=labels,
        heads=tuple(dict.fromkeys(heads)),
        effective_heads=tuple(dict.fromkeys(effective)),
        bases=tuple(dict.fromkeys(revision.id for revision in files if not revision.parents)),
        merges=tuple(revision.id for revision in by_id.values() if len(revision.parents) > 1),
        branch_points=tuple(identifier for identifier in by_id if len(children.get(identifier, ())) > 1),
    )
    return replace(graph, problems=check(graph, files, folder))


def _inverse(pairs: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    children: dict[str, dict[str, None]] = {}
    for child, parents in pairs:
        for parent in parents:
            children.setdefault(parent, {})[child] = None
    return {parent: tuple(names) for parent, names in children.items()}


def _upgrade_order(by_id: Mapping[str, Revision], depends_on: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """A rank for each revision, parents and dependencies first; revisions in a cycle come last.

    A branch is followed to its end before the next one starts, so that branches stay together.
    """

    def below(revision: Revision) -> tuple[str, ...]:
        return tuple(dict.fromkeys(revision.parents + depends_on.get(revision.id, ())))

    waiting = {node.id: sum(parent in by_id for parent in below(node)) for node in by_id.values()}
    above = _inverse((node.id, below(node)) for node in by_id.values())
    ready = deque(node for node, count in waiting.items() if count == 0)
    order: dict[str, int] = {}
    while ready:
        node = ready.popleft()
        order[node] = len(order)
        for following in above.get(node, ()):
            waiting[following] -= 1
            if waiting[following] == 0:
                ready.appendleft(following)
    for node in by_id:
        order.setdefault(node, len(order))
    return order
