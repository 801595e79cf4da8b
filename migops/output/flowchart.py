"""A revision graph as a mermaid flowchart."""

from __future__ import annotations

from collections.abc import Mapping

from migops.core.terminal import printable
from migops.migrations.graph import Graph


def flowchart(graph: Graph, marks: Mapping[str, str] | None = None, classes: Mapping[str, str] | None = None) -> str:
    """A flowchart, oldest at the bottom; dotted lines are ``depends_on``.

    ``marks`` are words beside a revision, ``classes`` (keys of ``CLASSES``) how it looks.
    """
    names = {identifier: f"r{number}" for number, identifier in enumerate(graph.by_id)}
    text = ["flowchart BT"]
    for identifier, revision in graph.by_id.items():
        words = f"{identifier}: {revision.message}" if revision.message else identifier
        mark = (marks or {}).get(identifier, "")
        looks = f":::{classes[identifier]}" if classes and identifier in classes else ""
        text.append(f'    {names[identifier]}["{_quoted(words)}{f"<br/>{_quoted(mark)}" if mark else ""}"]{looks}')
    for identifier, revision in graph.by_id.items():
        for parent in revision.parents:
            if parent not in names:
                names[parent] = f"m{len(names)}"
                text.append(f'    {names[parent]}["{_quoted(parent)} (missing)"]:::missing')
            text.append(f"    {names[parent]} --> {names[identifier]}")
        text += [
            f"    {names[to]} -.-> {names[identifier]}" for to in graph.depends_on.get(identifier, ()) if to in names
        ]
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
