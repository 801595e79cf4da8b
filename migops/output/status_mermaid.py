"""The status as a mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from migops.output.flowchart import flowchart

if TYPE_CHECKING:
    from migops.commands.status import Row, Status
    from migops.output import View


def render(status: Status, view: View) -> str:
    """The flowchart, each revision with its state in the database and the places that disagree on it."""
    marks = {row.revision.id: ", ".join(_words(row)) for row in status.rows}
    return flowchart(status.graph, marks, {row.revision.id: row.state for row in status.rows if row.state})


def _words(row: Row) -> Iterator[str]:
    if row.state:
        yield row.state
    if row.is_disputed:
        for mark, words in (("held", "in"), ("changed", "differs in"), ("missing", "not in")):
            places = [place.value for place, other in row.marks.items() if other == mark]
            if places:
                yield f"{words} {' '.join(places)}"
