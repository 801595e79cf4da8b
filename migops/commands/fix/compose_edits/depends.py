"""``depends_on`` with a condition: entries added or changed, a list made into a mapping with its comments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from migops.commands.fix.compose_edits import places
from migops.commands.fix.compose_edits.draft import Draft, Source
from migops.commands.fix.compose_edits.insert import Block, add_keys, flow, lines, rewritten
from migops.commands.fix.compose_edits.nodes import Node, NotEditable
from migops.compose import Project

_STARTED: Block = {"condition": "service_started"}
_ITEM = re.compile(r"[ ]*-[ ]+")


def wait_for(draft: Draft, project: Project, name: str, needed: str, condition: str) -> None:
    """Let service ``name`` wait for ``needed`` on that condition. Raises ``NotEditable`` with the reason."""
    implied = project.services[name].depends_on.get(needed)
    keys = {"condition": condition, **({"restart": "true"} if implied and implied.restart else {})}
    entry: Block = {needed: keys}
    place = _written(draft, project, name, needed)
    if place is None:
        source, _, definition = places.service(draft, project, name)
        add_keys(source, definition, {"depends_on": entry})
        return
    source, key, holder = place
    if holder.kind != "map":
        _to_mapping(source, key, holder, needed, keys)
    elif holder.get(needed) is not None:
        _change(source, holder, needed, condition)
    else:
        add_keys(source, holder, entry)


def _written(draft: Draft, project: Project, name: str, needed: str) -> places.Place | None:
    """The ``depends_on`` to edit. None if there is none: ``links`` and the like are dependencies without one."""
    if not places.has_key(project, name, "depends_on"):
        return None
    if needed in project.services[name].depends_on:
        with suppress(NotEditable):
            return places.dependency(draft, project, name, needed)
    with suppress(NotEditable):
        return places.key_of(draft, project, name, "depends_on")
    return None


def _change(source: Source, holder: Node, needed: str, condition: str) -> None:
    """Change the condition of an entry of a mapping."""
    found = holder.get(needed)
    if found is None:
        raise NotEditable(f"{source.path.name}:{holder.line} has no {needed}")
    entry = found[1].resolved
    given = entry.get("condition")
    if given is None:
        add_keys(source, entry, {"condition": condition})
    elif given[1].kind != "scalar":
        raise NotEditable(f"the condition at {source.path.name}:{given[0].line} is an alias")
    else:
        source.change(given[1].start, given[1].end, condition)


def _to_mapping(source: Source, key: Node, holder: Node, needed: str, keys: Block) -> None:
    """Make a list of names a mapping, with these keys for ``needed``; the others keep what a list means: started."""
    if holder.kind != "seq":
        raise NotEditable(f"the depends_on at {source.path.name}:{key.line} is neither a list nor a mapping")
    for item in holder.items:
        if item.kind != "scalar" or item.anchor or "$" in item.value or "\n" in source.text[item.start : item.end]:
            raise NotEditable(f"{source.path.name}:{item.line} is not a plain name")
    entries = {item.value: _STARTED for item in holder.items} | {needed: keys}
    if holder.flow:
        _flow_to_mapping(source, holder, entries)
    elif holder.items:
        _block_to_mapping(source, key, holder, entries)


def _flow_to_mapping(source: Source, holder: Node, entries: Mapping[str, Block]) -> None:
    start = source.text.index("[", holder.start)
    source.change(start, start + 1, "{")
    for item in holder.items:
        source.change(item.end, item.end, f": {flow(entries[item.value])}")
    known = {item.value for item in holder.items}
    added = ", ".join(f"{name}: {flow(keys)}" for name, keys in entries.items() if name not in known)
    at = holder.items[-1].end if holder.items else start + 1
    if added:
        source.change(at, at, f", {added}" if holder.items else added)
    source.change(holder.end - 1, holder.end, "}")


def _block_to_mapping(source: Source, key: Node, holder: Node, entries: Mapping[str, Block]) -> None:
    step = source.step()
    dash = holder.items[0].column - len(_dash(source, holder.items[0]).lstrip(" "))
    column = dash if dash > key.column else key.column + step
    start, end = source.line_start(holder.items[0].start), source.line_end(holder.items[-1].end)
    names = {source.line_start(item.start): item for item in holder.items}
    made: list[str] = []
    while start < end:
        following = source.line_end(start)
        line = source.text[start:following].rstrip("\r\n")
        item = names.get(start)
        if item is not None:
            _dash(source, item)
            made.append(f"{' ' * column}{source.text[item.start : item.end]}:{line[item.end - start :]}")
            made += lines(entries[item.value], column + step, step)
        else:  # a comment, which stays above the name that it is about
            made.append(f"{' ' * column}{line.lstrip(' ')}" if line.strip() else line)
        start = following
    known = {item.value for item in holder.items}
    made += lines({name: keys for name, keys in entries.items() if name not in known}, column, step)
    rewritten(source, source.line_start(holder.items[0].start), end, made)


def _dash(source: Source, item: Node) -> str:
    """The text in front of an item, which is its dash and nothing else. Raises ``NotEditable`` if it is not."""
    before = source.text[source.line_start(item.start) : item.start]
    if not _ITEM.fullmatch(before):
        raise NotEditable(f"the list item at {source.path.name}:{item.line} is not on a line of its own")
    return before
