"""Where a service, a key of it, or one of its dependencies is written: its nodes in the file that counts."""

from __future__ import annotations

from collections.abc import Iterator

from migops.commands.fix.compose_edits.draft import Draft, Source
from migops.commands.fix.compose_edits.nodes import Node, NotEditable
from migops.compose import Project
from migops.compose.tree import Map, Mark

Place = tuple[Source, Node, Node]
"""A file, and the key and value nodes in it. The value may be written elsewhere: an alias is resolved."""


def service(draft: Draft, project: Project, name: str) -> Place:
    """The service's definition. Raises ``NotEditable`` if it is not found where the reader says."""
    services: Map = project.tree["services"]
    mark = services.marks[name]
    source = draft.source(mark.file)
    matches = [
        (key, value)
        for _, mapping in source.entries("services")
        for key, value in mapping.resolved.pairs()
        if key.value == name and key.line == mark.line
    ]
    if len(matches) != 1:
        raise NotEditable(f"the definition of {name} was not found at {mark.location}")
    key, value = matches[0]
    if value.resolved.kind != "map":
        raise NotEditable(f"the definition of {name} ({mark.location}) is not a mapping")
    return source, key, value.resolved


def key_of(draft: Draft, project: Project, name: str, key: str) -> Place:
    """A key of the service, also where an anchor or an extended service has it. ``NotEditable`` if it is not found."""
    mark = _keys(project, name).marks[key]
    source = draft.source(mark.file)
    matches = [(at, value) for at, value in _all_pairs(source) if at.value == key and at.line == mark.line]
    if len(matches) != 1:
        raise NotEditable(f"`{key}` of {name} was not found at {mark.location}")
    return source, matches[0][0], matches[0][1].resolved


def has_key(project: Project, name: str, key: str) -> bool:
    """True if the compose files set that key of the service."""
    return key in _keys(project, name)


def dependency(draft: Draft, project: Project, name: str, needed: str) -> Place:
    """The ``depends_on`` with the entry for ``needed`` whose condition counts. ``NotEditable`` if it is not found."""
    mark: Mark = _keys(project, name)["depends_on"][needed].marks["condition"]
    source = draft.source(mark.file)
    matches = [
        (key, value.resolved)
        for key, value in _all_pairs(source)
        if key.value == "depends_on" and _is_at(value.resolved, needed, mark.line)
    ]
    if len({id(value) for _, value in matches}) != 1:
        raise NotEditable(f"the depends_on of {name} was not found at {mark.location}")
    return source, *matches[0]


def _is_at(holder: Node, needed: str, line: int) -> bool:
    if holder.kind == "seq":
        return any(item.kind == "scalar" and item.value == needed and item.line == line for item in holder.items)
    entry = holder.get(needed)
    if entry is None:
        return False
    condition = entry[1].resolved.get("condition")
    return line in (entry[0].line, condition[0].line if condition else 0)


def _all_pairs(source: Source) -> Iterator[tuple[Node, Node]]:
    for root in source.roots:
        for node in root.walk():
            yield from node.pairs()


def _keys(project: Project, name: str) -> Map:
    keys: Map = project.tree["services"][name]
    return keys
