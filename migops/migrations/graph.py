"""The revision graph, as Alembic builds it, but of broken histories too: it always comes out, problems and all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from migops.core.model import Revision, Unreadable
from migops.migrations.check import check
from migops.migrations.problem import Problem


@dataclass(frozen=True, slots=True)
class Graph:
    """Revisions and how they hang together.

    ``revisions`` are in the order of an upgrade, parents first, and hold every file that could be read, even where two
    share an id; ``by_id`` holds the one that Alembic would use (the last). ``heads`` and ``bases`` are what ``alembic
    heads`` and ``alembic branches`` go by, ``effective_heads`` the rows of ``alembic_version`` after ``upgrade heads``:
    heads that no other revision depends on. ``merges`` have several parents, ``branch_points`` several children.
    ``depends_on`` has each revision's dependencies with branch labels resolved to ids; ``labels`` the revision that
    each branch label is given to. Ids within a field are in file order.
    """

    revisions: tuple[Revision, ...]
    unreadable: tuple[Unreadable, ...]
    by_id: Mapping[str, Revision]
    children: Mapping[str, tuple[str, ...]]
    depends_on: Mapping[str, tuple[str, ...]]
    dependants: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]
    heads: tuple[str, ...]
    effective_heads: tuple[str, ...]
    bases: tuple[str, ...]
    merges: tuple[str, ...]
    branch_points: tuple[str, ...]
    problems: tuple[Problem, ...] = ()

    def ancestors(self, ids: Iterable[str], *, dependencies: bool = True) -> frozenset[str]:
        """``ids`` and all that must be applied before them; ids that the history does not have are left out."""
        return self._reach(ids, lambda each: self.below(each) if dependencies else self.by_id[each].parents)

    def descendants(self, ids: Iterable[str], *, dependencies: bool = True) -> frozenset[str]:
        """``ids`` and all that can only be applied after them."""

        def above(each: str) -> tuple[str, ...]:
            return self.children.get(each, ()) + (self.dependants.get(each, ()) if dependencies else ())

        return self._reach(ids, above)

    def pending(self, applied: Iterable[str], targets: Collection[str] | None = None) -> tuple[str, ...]:
        """What an upgrade from the rows ``applied`` to ``targets`` (default: all heads) would run, in order."""
        done = self.ancestors(applied)
        needed = self.ancestors(self.heads if targets is None else targets)
        order = dict.fromkeys(revision.id for revision in self.revisions)
        return tuple(each for each in order if each in needed and each not in done)

    def below(self, each: str) -> tuple[str, ...]:
        """The parents and dependencies of a revision."""
        return self.by_id[each].parents + self.depends_on.get(each, ())

    def branch_labels(self) -> dict[str, tuple[str, ...]]:
        """For each revision that is on a labelled branch, the branch's labels: all at and above the label are on it."""
        found: dict[str, tuple[str, ...]] = {}
        for label, start in self.labels.items():
            for each in self.descendants([start], dependencies=False):
                found[each] = (*found.get(each, ()), label)
        return found

    def _reach(self, ids: Iterable[str], step: Callable[[str], Iterable[str]]) -> frozenset[str]:
        seen: set[str] = set()
        todo = [each for each in ids if each in self.by_id]
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                todo += [following for following in step(each) if following in self.by_id and following not in seen]
        return frozenset(seen)


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
