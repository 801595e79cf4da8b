"""The status: a matrix of revisions × places, and the database's position relative to the image."""

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
    """One revision in all places."""

    revision: Revision
    marks: Mapping[PlaceName, str]
    """``held``, ``missing`` or ``changed`` (compared with the host's text), for each place that was read."""
    state: str | None
    """``current``, ``applied`` or ``pending``; empty if neither applied nor in the image; None if unknown."""

    @property
    def applied(self) -> bool | None:
        """True if the database has applied it; None if unknown."""
        return None if self.state is None else self.state in ("current", "applied")

    @property
    def is_disputed(self) -> bool:
        """True if the places differ."""
        return any(mark != "held" for mark in self.marks.values())


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a service."""

    report: Report
    rows: tuple[Row, ...]
    """In the order of an upgrade."""
    graph: Graph
    """The revisions of all places together."""
    heads: Mapping[PlaceName, tuple[str, ...]]
    current: tuple[str, ...] | None
    """The rows of the version table; None if unknown."""
    pending: tuple[str, ...] | None
    """None if unknown."""
    against: PlaceName
    """The place that the database is compared with: the image, or the host if no image was read."""
    database: DatabaseReading
    word: str
    """The database's position, for a headline."""
    sentence: str
    """The database's position in a sentence."""


def make(
    target: Target, evidence: Evidence, rules: Sequence[Rule], fail_on: Severity, needed: Sequence[PlaceName]
) -> Status:
    """Evaluate the rules and build the matrix. ``needed``: places without which the verdict is unknown."""
    database = position(evidence) if isinstance(evidence.database, DatabaseState) else None
    against = PlaceName.IMAGE if PlaceName.IMAGE in evidence.graphs else PlaceName.HOST
    graph = database.all if database else together(evidence, against)
    if database and database.unknown:  # revisions that only the database has
        graph = build((*graph.revisions, *(Revision(row) for row in database.unknown)))
    word, sentence = _in_words(evidence, database)
    return Status(
        report=check.make("status", target, evidence, rules, fail_on, needed),
        rows=tuple(_rows(evidence, [each for each in graph.revisions if graph.by_id[each.id] is each], database)),
        graph=graph,
        heads={place: evidence.graphs[place].heads for place in ORDER if place in evidence.graphs},
        current=database.state.rows if database else None,
        pending=database.pending if database else None,
        against=against,
        database=evidence.database,
        word=word,
        sentence=sentence,
    )


def _rows(evidence: Evidence, revisions: Sequence[Revision], database: DatabasePosition | None) -> list[Row]:
    held = {place: each for place in ORDER if (each := evidence.chain.held(place)) is not None}
    digests = {place: _digests(each) for place, each in held.items()}
    return [Row(each, _marks(each.id, digests), _state(each.id, database)) for each in revisions]


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


def _state(revision: str, database: DatabasePosition | None) -> str | None:
    if database is None or not database.is_told:
        return None
    if revision in database.state.rows:
        return "current"
    if revision in database.applied:
        return "applied"
    return "pending" if revision in (database.pending or ()) else ""


def _in_words(evidence: Evidence, database: DatabasePosition | None) -> tuple[str, str]:
    """The database's position: a word for the headline, and a sentence."""
    if database is None:
        reading = evidence.database
        if isinstance(reading, Absent):
            return "no database yet", reading.reason
        return "database unknown", "the database could not be asked, so nothing is known of what was applied"
    place, number = database.place.value, len(database.pending or ())
    steps = counted(number, "revision")
    if database.state.is_fresh:
        return "fresh", f"the database is empty; an upgrade with the {place} runs {steps}"
    if not database.state.rows:
        tables = len(database.state.tables)
        return "no version", f"the database has {counted(tables, 'table')} and no revision noted"
    if database.unknown:
        lost = set(database.unknown) <= lost_scripts(evidence).keys()
        which = "whose script was deleted" if lost else "which nobody knows"
        return "unknown revision", f"the database stands at {', '.join(database.unknown)}, {which}"
    if database.fork:
        return "diverged", f"database and {place} went different ways after {database.fork[0]}"
    if database.ahead_rows:
        return "ahead", f"the database is ahead: the {place} is older than it"
    if number:
        return "behind", f"the database is {steps} behind the {place}"
    return "up to date", f"the database has all that the {place} has{_host_has_more(evidence, database)}"


def _host_has_more(evidence: Evidence, database: DatabasePosition) -> str:
    """A clause for revisions of the host that the compared place lacks; empty if there are none."""
    host, graph = evidence.graphs.get(PlaceName.HOST), evidence.graphs.get(database.place)
    more = [each.id for each in host.revisions if each.id not in graph.by_id] if host and graph else []
    return f"; the host has {listed(more)}, which the {database.place.value} lacks" if more else ""
