"""The revision graph as lanes of text, newest first, the way `git log --graph` shows commits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migops.core.model import Revision
from migops.migrations.graph import Graph

_WIDEST = 36  # columns of lanes; a history of a hundred heads would leave no space for text otherwise


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the drawing: the lanes, and the revision of its node (None between two nodes)."""

    lanes: str
    revision: Revision | None = None


def lines(graph: Graph) -> Iterator[Line]:
    """Draw every revision once, children above parents; only parents connect lines, as `depends_on` joins no branch.

    A parent that is missing or (in a cycle) already drawn ends its lane; the revision's text must mention it.
    """
    lanes: list[str] = []  # the revision that each lane leads down to; "" for a free lane
    drawn: set[str] = set()
    for revision in reversed(graph.revisions):
        waiting = [column for column, wanted in enumerate(lanes) if wanted == revision.id]
        column = waiting[0] if waiting else _free(lanes)
        if waiting[1:]:
            yield Line(_joint(lanes, column, waiting[1:], "┘", "┴"))
            for other in waiting[1:]:
                lanes[other] = ""
        lanes[column] = revision.id
        yield Line(_row(lanes, {column: "*"}), revision)
        drawn.add(revision.id)
        parents = [each for each in dict.fromkeys(revision.parents) if each in graph.by_id and each not in drawn]
        lanes[column] = parents[0] if parents else ""
        if parents[1:]:
            yield from _split(lanes, column, parents[1:])
        while lanes and not lanes[-1]:
            lanes.pop()


def _split(lanes: list[str], column: int, parents: list[str]) -> Iterator[Line]:
    """A merge: a new lane to the right for each further parent, which joins the parent's other lanes at its node."""
    targets = []
    for parent in parents:
        target = next((at for at in range(column + 1, len(lanes)) if not lanes[at]), len(lanes))
        lanes[target : target + 1] = [parent]
        targets.append(target)
    yield Line(_joint(lanes, column, targets, "┐", "┬"))


def _free(lanes: list[str]) -> int:
    if "" not in lanes:
        lanes.append("")
    return lanes.index("")


def _row(lanes: list[str], marks: dict[int, str]) -> str:
    text = " ".join(marks.get(column, "│" if wanted else " ") for column, wanted in enumerate(lanes)).rstrip()
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _joint(lanes: list[str], column: int, others: list[int], end: str, middle: str) -> str:
    """A line that joins the lanes ``others`` (all to the right) to the lane ``column``."""
    marks = {column: "├", **dict.fromkeys(others, middle), max(others): end}
    cells = []
    for at, wanted in enumerate(lanes):
        inside = column < at < max(others)
        cells.append(marks.get(at) or ("┼" if inside and wanted else "─" if inside else "│" if wanted else " "))
        cells.append("─" if column <= at < max(others) else " ")
    text = "".join(cells).rstrip()
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
