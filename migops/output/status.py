"""Places of every revision and the database's position: text, JSON (schema 1) or a mermaid flowchart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from migops.commands.status import Row, Status
from migops.core.model import PlaceName
from migops.output.view import View
from migops.sources.database_state import DatabaseReading, DatabaseState

PENDING_SHOWN = 10


def render(status: Status, format_: str, view: View) -> str:
    """The status in one of the formats ``text``, ``json`` and ``mermaid``."""
    if format_ == "json":
        return json.dumps(document(status), indent=2) + "\n"
    if format_ == "mermaid":
        return _mermaid(status)
    from migops.output import status_text  # rich is imported only where text is shown

    return status_text.render(status, view)


def document(status: Status) -> dict[str, object]:
    """The written contract; what was not read is null or left out, never false."""
    from migops.output.json import document as of_report

    report = of_report(status.report)
    return {
        "schema": 1,
        "command": report["command"],
        "verdict": report["verdict"],
        "target": report["target"],
        "revisions": [
            {
                "id": row.revision.id,
                "message": row.revision.message,
                "parents": list(row.revision.parents),
                "places": {place.value: mark != "missing" for place, mark in row.marks.items()},
                "applied": row.applied,
            }
            for row in status.rows
        ],
        "heads": {place.value: list(heads) for place, heads in status.heads.items()},
        "current": None if status.current is None else list(status.current),
        "pending": None if status.pending is None else list(status.pending),
        "against": status.against.value,
        "state": status.word,
        "database": database(status.database),
        "places": report["places"],
        "findings": report["findings"],
        "skipped": report["skipped"],
        "deselected": report["deselected"],
        "missing": report["missing"],
    }


def database(state: DatabaseReading) -> dict[str, object] | None:
    """The database in the document; null if it was not read."""
    if not isinstance(state, DatabaseState):
        return None
    return {
        "url": state.url,
        "server": state.server,
        "version_table": state.version_table,
        "has_version_table": state.has_version_table,
        "tables": len(state.tables),
        "url_from": state.origin,
        "address": state.address,
    }


def columns(status: Status) -> list[PlaceName]:
    """A column for each place that was read; the build context's only if it differs from the host's."""
    found = [place for place in PlaceName if any(place in row.marks for row in status.rows)]
    context, host = PlaceName.CONTEXT, PlaceName.HOST
    if context in found and host in found and all(row.marks[context] == row.marks[host] for row in status.rows):
        found.remove(context)
    return found


def folded(rows: Sequence[Row], most: int) -> Iterator[Row | tuple[Row, ...]]:
    """At most ``most`` rows of many, and in between them the ones that are folded away, as tuples.

    What stays is what someone looks for: where the database stands, where places disagree, what comes next, the ends.
    """
    if len(rows) <= most + 2:
        yield from rows
        return
    kept: set[int] = set()
    wanted = (
        [at for at, row in enumerate(rows) if row.state == "current"][:4],
        [at for at, row in enumerate(rows) if row.is_disputed][:8],
        [at for at, row in enumerate(rows) if row.state == "pending"][-4:],
        range(5),
        [len(rows) - 1],
        range(len(rows)),
    )
    for group in wanted:
        for at in group:
            if len(kept) < most:
                kept.add(at)
    away: list[Row] = []
    for at, row in enumerate(rows):
        if at not in kept:
            away.append(row)
            continue
        if away:
            yield tuple(away)
            away = []
        yield row
    if away:
        yield tuple(away)


def _mermaid(status: Status) -> str:
    from migops.output.graph import as_mermaid

    marks = {row.revision.id: ", ".join(_words(row)) for row in status.rows}
    return as_mermaid(status.graph, marks, {row.revision.id: row.state for row in status.rows if row.state})


def _words(row: Row) -> Iterator[str]:
    if row.state:
        yield row.state
    if row.is_disputed:
        for mark, words in (("held", "in"), ("changed", "differs in"), ("missing", "not in")):
            places = [place.value for place, each in row.marks.items() if each == mark]
            if places:
                yield f"{words} {' '.join(places)}"
