"""``depends_on`` with a condition: entries added or changed, a list made into a mapping with its comments."""

from __future__ import annotations

import re

from migops.commands.fix.compose_edits import places
from migops.commands.fix.compose_edits.draft import Draft, Source
from migops.commands.fix.compose_edits.insert import add_keys, rewritten
from migops.commands.fix.compose_edits.nodes import Node, NotEditable
from migops.compose import Project

STARTED = "service_started"
_ITEM = re.compile(r"[ ]*-[ ]+")


def wait_for(draft: Draft, project: Project, name: str, needed: str, condition: str) -> None:
    """Let service ``name`` wait for ``needed`` on that condition. Raises ``NotEditable`` with the reason."""
    entry = {needed: {"condition": condition}}
    if needed in project.services[name].depends_on and places.has_key(project, name, "depends_on"):
        source, key, holder = places.dependency(draft, project, name, needed)
        if holder.kind == "map":
            _change(source, holder, needed, condition)
        else:
            _to_mapping(source, key, holder, {needed: condition})
    elif places.has_key(project, name, "depends_on"):
        source, key, holder = places.key_of(draft, project, name, "depends_on")
        if holder.kind == "map":
            add_keys(source, holder, entry)
        else:
            _to_mapping(source, key, holder, {needed: condition})
    else:
        source, _, definition = places.service(draft, project, name)
        add_keys(source, definition, {"depends_on": entry})


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


def _to_mapping(source: Source, key: Node, holder: Node, conditions: dict[str, str]) -> None:
    """Make a list of names a mapping; a name that has no condition here keeps what a list means: started."""
    if holder.kind != "seq":
        raise NotEditable(f"the depends_on at {source.path.name}:{key.line} is neither a list nor a mapping")
    for item in holder.items:
        if item.kind != "scalar" or item.anchor or "$" in item.value or "\n" in source.text[item.start : item.end]:
            raise NotEditable(f"{source.path.name}:{item.line} is not a plain name")
    missing = {name: it for name, it in conditions.items() if name not in [item.value for item in holder.items]}
    if holder.flow:
        _flow_to_mapping(source, holder, conditions, missing)
    elif holder.items:
        _block_to_mapping(source, key, holder, conditions, missing)


def _flow_to_mapping(source: Source, holder: Node, conditions: dict[str, str], missing: dict[str, str]) -> None:
    start = source.text.index("[", holder.start)
    source.change(start, start + 1, "{")
    for item in holder.items:
        source.change(item.end, item.end, f": {{condition: {conditions.get(item.value, STARTED)}}}")
    added = ", ".join(f"{name}: {{condition: {it}}}" for name, it in missing.items())
    at = holder.items[-1].end if holder.items else start + 1
    if added:
        source.change(at, at, f", {added}" if holder.items else added)
    source.change(holder.end - 1, holder.end, "}")


def _block_to_mapping(
    source: Source, key: Node, holder: Node, conditions: dict[str, str], missing: dict[str, str]
) -> None:
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
            written, rest = source.text[item.start : item.end], line[item.end - start :]
            condition = conditions.get(item.value, STARTED)
            made += [f"{' ' * column}{written}:{rest}", f"{' ' * (column + step)}condition: {condition}"]
        else:  # a comment, which stays above the name that it is about
            made.append(f"{' ' * column}{line.lstrip(' ')}" if line.strip() else line)
        start = following
    for name, condition in missing.items():
        made += [f"{' ' * column}{name}:", f"{' ' * (column + step)}condition: {condition}"]
    rewritten(source, source.line_start(holder.items[0].start), end, made)


def _dash(source: Source, item: Node) -> str:
    """The text in front of an item, which is its dash and nothing else. Raises ``NotEditable`` if it is not."""
    before = source.text[source.line_start(item.start) : item.start]
    if not _ITEM.fullmatch(before):
        raise NotEditable(f"the list item at {source.path.name}:{item.line} is not on a line of its own")
    return before
