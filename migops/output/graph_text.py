"""The revision graph for a terminal: the lanes, newest revision first, then the problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migops.core.model import Location, Revision
from migops.core.terminal import CYAN, GREEN, RED, YELLOW, printable, styled
from migops.core.text import counted
from migops.migrations.draw import Line, lines
from migops.migrations.graph import Graph
from migops.output.near import near, nearby

if TYPE_CHECKING:
    from migops.commands.graph import GraphResult
    from migops.migrations.problem import Problem
    from migops.output import View
    from migops.output.graph_marks import Marks


def render(result: GraphResult, view: View) -> str:
    """The graph in ``view.width`` columns; with a status, marks stand beside each revision."""
    graph, paths = result.graph, result.drawing.paths
    marks = _marks(result)
    folders = ", ".join(near(folder) for folder in paths.version_locations)
    text = [f"{counted(len(graph.revisions), 'revision')} in {printable(folders)}" if folders else "no versions folder"]
    text += [f"note: {printable(nearby(note))}" for note in paths.notes]
    text += marks.legend(view.width) if marks else ()
    text += [_line(line, graph, marks, view) for line in lines(graph)]
    for problem in result.drawing.problems:
        text += _problem(problem, view)
    return "\n".join(text) + "\n"


def _marks(result: GraphResult) -> Marks | None:
    if result.status is None:
        return None
    from migops.output.graph_marks import marks_of

    return marks_of(result.status)


def _line(line: Line, graph: Graph, marks: Marks | None, view: View) -> str:
    """The lanes, and the revision that stands on them if there is one, its message cut at the width."""
    blank = f"{marks.blank} " if marks else ""
    if line.revision is None:
        return blank + line.lanes
    revision, words = line.revision, _words(graph, line.revision)
    lead = f"{marks.beside(revision.id, view.color)} " if marks else ""
    labels = f" ({', '.join(words)})" if words else ""
    room = view.width - len(blank) - len(line.lanes) - len(revision.id) - len(labels) - 2
    message = printable(revision.message)
    message = message if len(message) <= room else message[: max(room - 1, 0)] + "…"
    identifier = printable(revision.id)
    if view.color:
        identifier = styled(identifier, GREEN if revision.id in graph.heads else YELLOW)
        labels = styled(labels, CYAN)
    return f"{lead}{line.lanes} {identifier}{labels} {message if room > 1 else ''}".rstrip()


def _problem(problem: Problem, view: View) -> list[str]:
    rule = styled(problem.rule, RED) if view.color else problem.rule
    hint = [f"  try: {printable(problem.hint)}"] if problem.hint else []
    return ["", f"{rule} {printable(_location(problem.at))}", f"  {printable(problem.message)}", *hint]


def _words(graph: Graph, revision: Revision) -> list[str]:
    words = ["head"] if revision.id in graph.heads else []
    words += ["base"] if not revision.parents else []
    words += ["merge"] if revision.id in graph.merges else []
    words += ["branch point"] if revision.id in graph.branch_points else []
    words += [f"label {label}" for label in revision.branch_labels]
    words += [f"needs {needed}" for needed in graph.depends_on.get(revision.id, ())]
    words += [f"parent {parent!r} is missing" for parent in revision.parents if parent not in graph.by_id]
    return words + (["duplicate"] if graph.by_id[revision.id] is not revision else [])


def _location(at: Location) -> str:
    return str(Location(near(at.file), at.line))
