"""From evidence to the status: the matrix of revisions × places, and how the database stands to the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migops.analysis.chain import ORDER
from migops.analysis.database_position import DatabasePosition, listed, position, together
from migops.analysis.evidence import Evidence
from migops.commands import check
from migops.core.model import Absent, MigrationSet, PlaceName, Report, Revision, Severity
from migops.migrations.build import build
from migops.migrations.graph import Graph
from migops.rules.git_database import lost_scripts
from migops.rules.rule import Rule
from migops.sources.database_state import DatabaseReading, DatabaseState
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Row:
    """One revision: ``marks`` are held, missing or changed (against the host's text) for each place that was read.

    ``state`` is what the database says: current, applied, pending, '' for a revision that neither was applied nor will
    be by the image, and None where that cannot be told.
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
    """The matrix of revisions × places, beside what the rules say of it.

    ``rows`` are in the order of an upgrade; ``graph`` is the history of all places together. ``current`` and
    ``pending`` are None where they cannot be known. ``word`` and ``sentence`` say how the database stands to
    ``against``: the image, or the host where no image was read.
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
    """Judge the rules, lay out what every place has. ``needed`` are the places without which there is no verdict."""
    found = position(evidence) if isinstance(evidence.database, DatabaseState) else None
    against = PlaceName.IMAGE if PlaceName.IMAGE in evidence.graphs else PlaceName.HOST
    graph = found.all if found else together(evidence, against)
    if found and found.unknown:  # the revisions that only the database speaks of
        graph = build((*graph.revisions, *(Revision(row) for row in found.unknown)))
    word, sentence = _in_words(evidence, found)
    return Status(
        report=check.make("status", target, evidence, rules, fail_on, needed),
        rows=tuple(_rows(evidence, [each for each in graph.revisions if graph.by_id[each.id] is each], found)),
        graph=graph,
        heads={place: evidence.graphs[place].heads for place in ORDER if place in evidence.graphs},
        current=found.state.rows if found else None,
        pending=found.pending if found else None,
        against=against,
        database=evidence.database,
        word=word,
        sentence=sentence,
    )


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


def _state(revision: str, found: DatabasePosition | None) -> str | None:
    if found is None or not found.is_known:
        return None
    if revision in found.state.rows:
        return "current"
    if revision in found.applied:
        return "applied"
    return "pending" if revision in (found.pending or ()) else ""


def _in_words(evidence: Evidence, found: DatabasePosition | None) -> tuple[str, str]:
    """How the database stands to the image: a word for the headline, and a sentence."""
    if found is None:
        reading = evidence.database
        if isinstance(reading, Absent):
            return "no database yet", reading.reason
        return "database unknown", "the database could not be asked, so nothing is known of what was applied"
    place, number = found.place.value, len(found.pending or ())
    steps = f"{number} revision{'' if number == 1 else 's'}"
    if found.state.is_fresh:
        return "fresh", f"the database is empty; an upgrade with the {place} runs {steps}"
    if not found.state.rows:
        tables = len(found.state.tables)
        return "no version", f"the database has {tables} table{'' if tables == 1 else 's'} and no revision noted"
    if found.unknown:
        lost = set(found.unknown) <= lost_scripts(evidence).keys()
        which = "whose script was deleted" if lost else "which nobody knows"
        return "unknown revision", f"the database stands at {', '.join(found.unknown)}, {which}"
    if found.fork:
        return "diverged", f"database and {place} went different ways after {found.fork[0]}"
    if found.ahead_rows:
        return "ahead", f"the database is ahead: the {place} is older than it"
    if number:
        return "behind", f"the database is {steps} behind the {place}"
    return "up to date", f"the database has all that the {place} has{_host_has_more(evidence, found)}"


def _host_has_more(evidence: Evidence, found: DatabasePosition) -> str:
    """A clause where the host has revisions that the place lacks which the database is held against."""
    host, graph = evidence.graphs.get(PlaceName.HOST), evidence.graphs.get(found.place)
    more = [each.id for each in host.revisions if each.id not in graph.by_id] if host and graph else []
    return f"; the host has {listed(more)}, which the {found.place.value} lacks" if more else ""
