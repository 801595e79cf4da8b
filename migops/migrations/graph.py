"""The revision graph, as Alembic builds it, but of broken histories too: it always comes out, problems and all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from migops.core.model import Revision, Unreadable
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
