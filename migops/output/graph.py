"""The revision graph as text, JSON (schema 1) or a mermaid flowchart."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from migops.collect.drawing import Drawing
from migops.core.model import Location, Revision
from migops.core.terminal import CYAN, GREEN, RED, YELLOW, printable, styled
from migops.core.text import counted
from migops.migrations.draw import lines
from migops.migrations.graph import Graph
from migops.output.view import View

if TYPE_CHECKING:
    from migops.commands.status import Row, Status


def render(drawing: Drawing, format_: str, color: bool = False, width: int = 80, status: Status | None = None) -> str:
    """The drawing as text, JSON (schema 1) or a mermaid flowchart; with a ``status``, of all places, marked by it."""
    if status is not None and format_ == "mermaid":
        from migops.output.status import render as of_status

        return of_status(status, "mermaid", View(width, color))
    if format_ == "json":
        return as_json(drawing, status)
    return as_mermaid(drawing.graph) if format_ == "mermaid" else as_text(drawing, color, width, status)


def as_json(drawing: Drawing, status: Status | None = None) -> str:
    """The written contract; every key is always there, those that places and a database give where these were asked."""
    graph = status.graph if status else drawing.graph
    rows = {row.revision.id: row for row in status.rows} if status else {}
    revisions: list[dict[str, object]] = [
        {
            "id": each.id,
            "parents": list(each.parents),
            "depends_on": list(each.depends_on),
            "branch_labels": list(each.branch_labels),
            "path": _shown(each.path),
            **(_marked(rows[each.id]) if each.id in rows else {}),
        }
        for each in graph.revisions
    ]
    problems = [
        {
            "rule": each.rule,
            "file": _shown(each.at.file),
            "line": each.at.line,
            "message": each.message,
            "revisions": list(each.revisions),
            "hint": each.hint,
        }
        for each in drawing.problems
    ]
    answer = {
        "schema": 1,
        "script_location": _shown(drawing.paths.script_location) or None,
        "version_locations": [_shown(each) for each in drawing.paths.version_locations],
        "revisions": revisions,
        "heads": list(graph.heads),
        "bases": list(graph.bases),
        "problems": problems,
        "notes": [_near(note) for note in drawing.paths.notes],
        **(_places(status) if status else {}),
    }
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


def _marked(row: Row) -> dict[str, object]:
    """In which places a revision is, and what the database says of it: null where that cannot be told."""
    return {
        "places": {place.value: mark != "missing" for place, mark in row.marks.items()},
        "changed_in": [place.value for place, mark in row.marks.items() if mark == "changed"],
        "applied": row.applied,
        "current": None if row.state is None else row.state == "current",
    }


def _places(status: Status) -> dict[str, object]:
    from migops.output.json import document
    from migops.output.status import database

    return {
        "places": document(status.report)["places"],
        "database": database(status.database),
        "current": None if status.current is None else list(status.current),
        "pending": None if status.pending is None else list(status.pending),
        "state": status.word,
    }


def as_mermaid(graph: Graph, marks: Mapping[str, str] | None = None, classes: Mapping[str, str] | None = None) -> str:
    """A flowchart, oldest at the bottom; dotted lines are ``depends_on``.

    ``marks`` are words beside a revision, ``classes`` (keys of ``CLASSES``) how it looks.
    """
    names = {each: f"r{number}" for number, each in enumerate(graph.by_id)}
    text = ["flowchart BT"]
    for each, revision in graph.by_id.items():
        words = f"{each}: {revision.message}" if revision.message else each
        mark = (marks or {}).get(each, "")
        looks = f":::{classes[each]}" if classes and each in classes else ""
        text.append(f'    {names[each]}["{_quoted(words)}{f"<br/>{_quoted(mark)}" if mark else ""}"]{looks}')
    for each, revision in graph.by_id.items():
        for parent in revision.parents:
            if parent not in names:
                names[parent] = f"m{len(names)}"
                text.append(f'    {names[parent]}["{_quoted(parent)} (missing)"]:::missing')
            text.append(f"    {names[parent]} --> {names[each]}")
        text += [f"    {names[to]} -.-> {names[each]}" for to in graph.depends_on.get(each, ()) if to in names]
    used = {"missing", *(classes or {}).values()}
    text += [f"    classDef {name} {look}" for name, look in CLASSES.items() if name in used]
    return "\n".join(text) + "\n"


CLASSES = {
    "missing": "stroke-dasharray: 4",
    "current": "fill:#b7e4c7,stroke:#1b4332,stroke-width:3px",
    "applied": "fill:#d8f3dc,stroke:#1b4332",
    "pending": "fill:#fff3bf,stroke:#7f4f24",
}


def _quoted(text: str) -> str:
    return printable(text).replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def as_text(drawing: Drawing, color: bool, width: int, status: Status | None = None) -> str:
    """The graph for a terminal: newest first, then the problems."""
    graph = status.graph if status else drawing.graph
    beside = None
    if status:
        from migops.output.graph_marks import marks_of

        beside = marks_of(status)
    where = ", ".join(_shown(each) for each in drawing.paths.version_locations)
    text = [f"{counted(len(graph.revisions), 'revision')} in {printable(where)}" if where else "no versions folder"]
    text += [f"note: {printable(_near(note))}" for note in drawing.paths.notes]
    text += beside.legend(width) if beside else ()
    for line in lines(graph):
        lead = f"{beside.blank} " if beside else ""
        room = width - len(lead) - len(line.lanes)
        if line.revision is None:
            text.append(lead + line.lanes)
            continue
        lead = f"{beside.beside(line.revision.id, color)} " if beside else ""
        words = _words(graph, line.revision)
        marks = f" ({', '.join(words)})" if words else ""
        room -= len(line.revision.id) + len(marks) + 2
        message = printable(line.revision.message)
        message = message if len(message) <= room else message[: max(room - 1, 0)] + "…"
        identifier = printable(line.revision.id)
        if color:
            identifier = styled(identifier, GREEN if line.revision.id in graph.heads else YELLOW)
            marks = styled(marks, CYAN)
        text.append(f"{lead}{line.lanes} {identifier}{marks} {message if room > 1 else ''}".rstrip())
    for problem in drawing.problems:
        rule = styled(problem.rule, RED) if color else problem.rule
        text += ["", f"{rule} {printable(_location(problem.at))}", f"  {printable(problem.message)}"]
        text += [f"  try: {printable(problem.hint)}"] if problem.hint else []
    return "\n".join(text) + "\n"


def _words(graph: Graph, revision: Revision) -> list[str]:
    words = ["head"] if revision.id in graph.heads else []
    words += ["base"] if not revision.parents else []
    words += ["merge"] if revision.id in graph.merges else []
    words += ["branch point"] if revision.id in graph.branch_points else []
    words += [f"label {label}" for label in revision.branch_labels]
    words += [f"needs {each}" for each in graph.depends_on.get(revision.id, ())]
    words += [f"parent {parent!r} is missing" for parent in revision.parents if parent not in graph.by_id]
    return words + (["duplicate"] if graph.by_id[revision.id] is not revision else [])


def _location(at: Location) -> str:
    return str(Location(_shown(at.file), at.line))


def _shown(path: str) -> str:
    """A path as a person in the current folder would write it; absolute where it lies outside."""
    here = os.getcwd().rstrip("/") + "/"  # noqa: PTH109
    return path.removeprefix(here) if path != here[:-1] else "."


def _near(sentence: str) -> str:
    return sentence.replace(os.getcwd().rstrip("/") + "/", "")  # noqa: PTH109
