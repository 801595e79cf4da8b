"""Position of a database in the history: behind, ahead, on another branch, or at an unknown revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from migops.analysis.chain import ORDER
from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName, Revision
from migops.migrations.build import build
from migops.migrations.graph import Graph
from migops.sources.database_state import DatabaseState
from migops.sources.environment import Environment


@dataclass(frozen=True)
class DatabasePosition:
    """The rows of the version table compared with the history of ``place``: the image's, or else the host's.

    ``graph``: that history. ``all``: the histories of all places together. ``holders``: revision → names of the places
    with it.
    """

    state: DatabaseState
    place: PlaceName
    graph: Graph
    all: Graph
    holders: dict[str, tuple[str, ...]]

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Rows without a script in any place."""
        return tuple(row for row in self.state.rows if row not in self.all.by_id)

    @cached_property
    def ahead_rows(self) -> tuple[str, ...]:
        """Rows that ``place`` lacks and another place has."""
        return tuple(row for row in self.state.rows if row not in self.graph.by_id and row in self.all.by_id)

    @cached_property
    def applied(self) -> frozenset[str]:
        """All applied revisions, as far as they are known: the rows and their ancestors."""
        return self.all.ancestors(self.state.rows) | frozenset(self.unknown)

    @property
    def is_known(self) -> bool:
        """True if the rows are trustworthy: tables without any row were not created by Alembic."""
        return bool(self.state.rows) or self.state.is_fresh

    @cached_property
    def pending(self) -> tuple[str, ...] | None:
        """The revisions of ``place`` that are still to be applied, in order; None if that is unknown."""
        if self.unknown or not self.is_known:
            return None
        order = dict.fromkeys(revision.id for revision in self.graph.revisions)
        return tuple(each for each in order if each not in self.applied)

    @cached_property
    def redundant_rows(self) -> dict[str, str]:
        """Rows that another row already includes → that row."""
        rows = [row for row in self.state.rows if row in self.all.by_id]
        above = {row: self.all.ancestors([row]) - {row} for row in rows}
        return {old: new for old in rows for new in rows if old in above[new] and new not in above[old]}

    @cached_property
    def fork(self) -> tuple[str, str] | None:
        """The last common revision of ``place`` and a row it lacks, and the next revision of ``place`` after it."""
        below = self.all.ancestors(self.ahead_rows) - set(self.ahead_rows)
        rows = set(self.state.rows)
        for each in self.pending or ():
            for parent in self.graph.by_id[each].parents:
                if parent in below and parent not in rows:
                    return parent, each
        return None


def position(evidence: Evidence, place: PlaceName | None = None) -> DatabasePosition:
    """Compare the database with ``place``'s history: by default the image's, or the host's if that was not read."""
    place = place or (PlaceName.IMAGE if PlaceName.IMAGE in evidence.graphs else PlaceName.HOST)
    if place not in evidence.graphs or not isinstance(evidence.database, DatabaseState):
        raise LookupError("a rule needs the database and a history; its Rule must name both in `needs`")
    holders: dict[str, list[str]] = {}
    for name, graph in _histories(evidence):
        for each in graph.by_id:
            holders.setdefault(each, []).append(name)
    whole = together(evidence, place)
    return DatabasePosition(
        evidence.database, place, evidence.graphs[place], whole, {k: tuple(v) for k, v in holders.items()}
    )


def together(evidence: Evidence, first: PlaceName) -> Graph:
    """Every revision of any place, once; if texts differ, the one of ``first`` counts, then the host's."""
    revisions: dict[str, Revision] = {}
    order = (first, PlaceName.HOST, *ORDER)
    graphs = [evidence.graphs[place] for place in order if place in evidence.graphs]
    graphs += [graph for _, graph in _histories(evidence)]
    for graph in graphs:
        for each in graph.by_id.values():
            revisions.setdefault(each.id, each)
    # Mostly one place has them all already, and building a graph is the expensive part.
    whole = next((graph for graph in graphs if _holds(graph, revisions)), None)
    return whole or build(revisions.values())


def _holds(graph: Graph, revisions: Mapping[str, Revision]) -> bool:
    """True if a history consists of exactly these revisions, with the same parents and dependencies."""
    ours = graph.by_id
    return ours.keys() == revisions.keys() and all(
        (ours[each.id].parents, ours[each.id].depends_on) == (each.parents, each.depends_on)
        for each in revisions.values()
    )


def _histories(evidence: Evidence) -> Iterator[tuple[str, Graph]]:
    """Every history that was read, with its holder's name; identical replicas count once."""
    yield from ((place.value, evidence.graphs[place]) for place in ORDER if place in evidence.graphs)
    known = {id(graph) for graph in evidence.graphs.values()}
    for each in evidence.containers:
        if isinstance(each.found, Environment) and id(each.found.graph) not in known:
            known.add(id(each.found.graph))
            yield f"container {each.name}", each.found.graph
