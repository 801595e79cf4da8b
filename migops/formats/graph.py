"""The revision graph as text, JSON (schema 1) or a mermaid flowchart."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from migops.formats.terminal import CYAN, GREEN, RED, YELLOW, printable, styled
from migops.history.draw import lines
from migops.history.graph import Graph
from migops.history.locate import ScriptPaths
from migops.history.problem import Problem
from migops.model import Location, Revision


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is known of a place's history: where it is, what it is, what is wrong with it."""

    paths: ScriptPaths
    graph: Graph
    problems: tuple[Problem, ...]


def render(drawing: Drawing, format_: str, color: bool = False, width: int = 80) -> str:
    """The drawing as text, JSON (schema 1) or a mermaid flowchart."""
    if format_ == "json":
        return as_json(drawing)
    return as_mermaid(drawing.graph) if format_ == "mermaid" else as_text(drawing, color, width)


def as_json(drawing: Drawing) -> str:
    """The written contract; every key is always there."""
    revisions = [
        {
            "id": each.id,
            "parents": list(each.parents),
            "depends_on": list(each.depends_on),
            "branch_labels": list(each.branch_labels),
            "path": _shown(each.path),
        }
        for each in drawing.graph.revisions
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
        "heads": list(drawing.graph.heads),
        "bases": list(drawing.graph.bases),
        "problems": problems,
        "notes": [_near(note) for note in drawing.paths.notes],
    }
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


def as_mermaid(graph: Graph, marks: Mapping[str, str] | None = None) -> str:
    """A flowchart, oldest at the bottom; dotted lines are ``depends_on``. ``marks`` are words beside a revision."""
    names = {each: f"r{number}" for number, each in enumerate(graph.by_id)}
    text = ["flowchart BT"]
    for each, revision in graph.by_id.items():
        words = f"{each}: {revision.message}" if revision.message else each
        mark = (marks or {}).get(each, "")
        text.append(f'    {names[each]}["{_quoted(words)}{f"<br/>{_quoted(mark)}" if mark else ""}"]')
    for each, revision in graph.by_id.items():
        for parent in revision.parents:
            if parent not in names:
                names[parent] = f"m{len(names)}"
                text.append(f'    {names[parent]}["{_quoted(parent)} (missing)"]:::missing')
            text.append(f"    {names[parent]} --> {names[each]}")
        text += [f"    {names[to]} -.-> {names[each]}" for to in graph.depends_on.get(each, ()) if to in names]
    text.append("    classDef missing stroke-dasharray: 4")
    return "\n".join(text) + "\n"


def _quoted(text: str) -> str:
    return printable(text).replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def as_text(drawing: Drawing, color: bool, width: int) -> str:
    """The graph for a terminal: newest first, then the problems."""
    graph = drawing.graph
    where = ", ".join(_shown(each) for each in drawing.paths.version_locations)
    text = [f"{_count(len(graph.revisions), 'revision')} in {printable(where)}" if where else "no versions folder"]
    text += [f"note: {printable(_near(note))}" for note in drawing.paths.notes]
    for line in lines(graph):
        if line.revision is None:
            text.append(line.lanes)
            continue
        words = _words(graph, line.revision)
        marks = f" ({', '.join(words)})" if words else ""
        room = width - len(line.lanes) - len(line.revision.id) - len(marks) - 2
        message = printable(line.revision.message)
        message = message if len(message) <= room else message[: max(room - 1, 0)] + "…"
        identifier = printable(line.revision.id)
        if color:
            identifier = styled(identifier, GREEN if line.revision.id in graph.heads else YELLOW)
            marks = styled(marks, CYAN)
        text.append(f"{line.lanes} {identifier}{marks} {message if room > 1 else ''}".rstrip())
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _location(at: Location) -> str:
    return str(Location(_shown(at.file), at.line))


def _shown(path: str) -> str:
    """A path as a person in the current folder would write it; absolute where it lies outside."""
    here = os.getcwd().rstrip("/") + "/"  # noqa: PTH109
    return path.removeprefix(here) if path != here[:-1] else "."


def _near(sentence: str) -> str:
    return sentence.replace(os.getcwd().rstrip("/") + "/", "")  # noqa: PTH109
