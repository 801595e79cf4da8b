"""The revision graph as Alembic builds it, but also for broken histories, with their problems."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from migops.core.model import Revision, Unreadable
from migops.migrations.problem import Problem


@dataclass(frozen=True, slots=True)
class Graph:
    """Revisions and their relations. Ids within a field are in file order."""

    revisions: tuple[Revision, ...]  # every readable file, also with a duplicate id; in upgrade order, parents first
    unreadable: tuple[Unreadable, ...]
    by_id: Mapping[str, Revision]  # of duplicates the last file, as in Alembic
    children: Mapping[str, tuple[str, ...]]
    depends_on: Mapping[str, tuple[str, ...]]  # with branch labels resolved to ids
    dependants: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]  # branch label → the revision that defines it
    heads: tuple[str, ...]  # as in ``alembic heads``
    effective_heads: tuple[str, ...]  # without those that others depend on: the rows after ``upgrade heads``
    bases: tuple[str, ...]
    merges: tuple[str, ...]  # revisions with several parents
    branch_points: tuple[str, ...]  # revisions with several children
    problems: tuple[Problem, ...] = ()

    def ancestors(self, ids: Iterable[str], *, dependencies: bool = True) -> frozenset[str]:
        """``ids`` and all revisions that must be applied before them; unknown ids are omitted."""
        return self._reach(ids, lambda each: self.below(each) if dependencies else self.by_id[each].parents)

    def descendants(self, ids: Iterable[str], *, dependencies: bool = True) -> frozenset[str]:
        """``ids`` and all revisions that can only be applied after them."""

        def above(revision: str) -> tuple[str, ...]:
            return self.children.get(revision, ()) + (self.dependants.get(revision, ()) if dependencies else ())

        return self._reach(ids, above)

    def pending(self, applied: Iterable[str], targets: Collection[str] | None = None) -> tuple[str, ...]:
        """The revisions of an upgrade from the rows ``applied`` to ``targets`` (default: all heads), in order."""
        done = self.ancestors(applied)
        needed = self.ancestors(self.heads if targets is None else targets)
        order = dict.fromkeys(revision.id for revision in self.revisions)
        return tuple(each for each in order if each in needed and each not in done)

    def below(self, revision: str) -> tuple[str, ...]:
        """The parents and dependencies of a revision."""
        return self.by_id[revision].parents + self.depends_on.get(revision, ())

    def branch_labels(self) -> dict[str, tuple[str, ...]]:
        """The branch labels of each revision on a labelled branch: the labelled revision and all its descendants."""
        labels: dict[str, tuple[str, ...]] = {}
        for label, start in self.labels.items():
            for revision in self.descendants([start], dependencies=False):
                labels[revision] = (*labels.get(revision, ()), label)
        return labels

    def _reach(self, ids: Iterable[str], step: Callable[[str], Iterable[str]]) -> frozenset[str]:
        seen: set[str] = set()
        todo = [revision for revision in ids if revision in self.by_id]
        while todo:
            revision = todo.pop()
            if revision not in seen:
                seen.add(revision)
                todo += [following for following in step(revision) if following in self.by_id and following not in seen]
        return frozenset(seen)
