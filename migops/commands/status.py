"""From evidence to the status: the matrix of revisions × places, and the database's position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migops.analysis.chain import ORDER
from migops.analysis.database_position import DatabasePosition, position, together
from migops.analysis.evidence import Evidence
from migops.commands import check
from migops.core.model import Absent, MigrationSet, PlaceName, Report, Revision, Severity
from migops.core.text import counted, listed
from migops.migrations.build import build
from migops.migrations.graph import Graph
from migops.rules.git_database import lost_scripts
from migops.rules.rule import Rule
from migops.sources.database_state import DatabaseReading, DatabaseState
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Row:
    """One revision: ``marks`` are held, missing or changed (compared with the host's text) for each place that was
    read.

    ``state`` comes from the database: current, applied, pending, '' for a revision that is neither applied nor in the
    image's upgrade, and None if unknown.
    """

    revision: Revision
    marks: Mapping[PlaceName, str]
    state: str | None

    @property
    def applied(self) -> bool | None:
        return None if self.state is None else self.state in ("current", "applied")

    @property
    def is_disputed(self) -> bool:
        return any(mark != "held" for mark in self.marks.values())


@dataclass(frozen=True, slots=True)
class Status:
    """The matrix of revisions × places, with the findings.

    ``rows`` are in upgrade order; ``graph`` is the history of all places together. ``current`` and ``pending`` are None
    if unknown. ``word`` and ``sentence`` give the database's position relative to ``against``: the image, else the
    host, else the container.
    """

    report: Report
    rows: tuple[Row, ...]
    graph: Graph
    heads: Mapping[PlaceName, tuple[str, ...]]
    current: tuple[str, ...] | None
    pending: tuple[str, ...] | None
    against: PlaceName
    database: DatabaseReading
    word: str
    sentence: str


def make(
    target: Target, evidence: Evidence, rules: Sequence[Rule], fail_on: Severity, needed: Sequence[PlaceName]
) -> Status:
    """Check the rules and lay out the content of every place. Without ``needed`` places there is no verdict."""
    against = next((place for place in _COMPARED if place in evidence.graphs), PlaceName.HOST)
    is_known = isinstance(evidence.database, DatabaseState) and against in evidence.graphs
    database = position(evidence, against) if is_known else None
    graph = database.all if database else together(evidence, against)
    if database and database.unknown:  # the revisions that only the database knows
        graph = build((*graph.revisions, *(Revision(row) for row in database.unknown)))
    word, sentence = _in_words(evidence, database)
    return Status(
        report=check.make("status", target, evidence, rules, fail_on, needed),
        rows=tuple(_rows(evidence, [each for each in graph.revisions if graph.by_id[each.id] is each], database)),
        graph=graph,
        heads={place: evidence.graphs[place].heads for place in ORDER if place in evidence.graphs},
        current=evidence.database.rows if isinstance(evidence.database, DatabaseState) else None,
        pending=database.pending if database else None,
        against=against,
        database=evidence.database,
        word=word,
        sentence=sentence,
    )


_COMPARED = (PlaceName.IMAGE, PlaceName.HOST, PlaceName.CONTAINER)
"""The places with which a database is compared: the first whose migrations were read."""


def _rows(evidence: Evidence, revisions: Sequence[Revision], found: DatabasePosition | None) -> list[Row]:
    held = {place: each for place in ORDER if (each := evidence.chain.held(place)) is not None}
    digests = {place: _digests(each) for place, each in held.items()}
    return [Row(each, _marks(each.id, digests), _state(each.id, found)) for each in revisions]


def _digests(held: MigrationSet) -> dict[str, str]:
    """The digest of each revision's script, by revision."""
    files = {file.path: file.sha256 for file in held.scripts.values()}
    return {revision.id: files.get(revision.path, "") for revision in held.revisions}


def _marks(revision: str, digests: Mapping[PlaceName, Mapping[str, str]]) -> dict[PlaceName, str]:
    copies = {place: each.get(revision) for place, each in digests.items()}
    reference = copies.get(PlaceName.HOST) or next((copy for copy in copies.values() if copy is not None), None)
    return {
        place: "missing" if copy is None else "held" if copy == reference else "changed"
        for place, copy in copies.items()
    }


def _state(revision: str, position: DatabasePosition | None) -> str | None:
    if position is None or not position.is_known:
        return None
    if revision in position.state.rows:
        return "current"
    if revision in position.applied:
        return "applied"
    return "pending" if revision in (position.pending or ()) else ""


def _in_words(evidence: Evidence, database: DatabasePosition | None) -> tuple[str, str]:
    """The database's position relative to the image: a word for the headline, and a sentence."""
    if database is None:
        reading = evidence.database
        if isinstance(reading, Absent):
            return "no database yet", reading.reason
        if isinstance(reading, DatabaseState):
            at = f"at {listed(reading.rows)}" if reading.rows else "at no revision"
            return "history unknown", f"the database is {at}; no migrations could be read to compare it with"
        return "database unknown", "could not read the database, so it is unknown what was applied"
    place, number = database.place.value, len(database.pending or ())
    steps = counted(number, "revision")
    if database.state.is_fresh:
        return "fresh", f"the database is empty; an upgrade with the {place} runs {steps}"
    if not database.state.rows:
        tables = len(database.state.tables)
        return "no version", f"the database has {counted(tables, 'table')} but no recorded revision"
    if database.unknown:
        lost = set(database.unknown) <= lost_scripts(evidence).keys()
        scripts = "whose script was deleted" if lost else "whose script is in none of the places read"
        return "unknown revision", f"the database is at {', '.join(database.unknown)}, {scripts}"
    if database.fork:
        return "diverged", f"the database and the {place} diverged after {database.fork[0]}"
    if database.ahead_rows:
        return "ahead", f"the database is ahead of the {place}, which is older"
    if number:
        return "behind", f"the database is {steps} behind the {place}"
    return "up to date", f"the database has every revision of the {place}{_host_has_more(evidence, database)}"


def _host_has_more(evidence: Evidence, found: DatabasePosition) -> str:
    """A clause about revisions that the host has and the compared place lacks."""
    host, graph = evidence.graphs.get(PlaceName.HOST), evidence.graphs.get(found.place)
    more = [each.id for each in host.revisions if each.id not in graph.by_id] if host and graph else []
    return f"; the {found.place.value} lacks {listed(more)}, which the host has" if more else ""
