"""The merged document → its sections as ``docker compose config --format json`` prints them."""

from __future__ import annotations

from typing import Any

from migops.compose.fields import SECTIONS
from migops.compose.notes import Notes
from migops.compose.readers import Decoder
from migops.compose.tree import Map, Seq, refuse

_NAMES = (("services",), ("volumes",), ("networks",), ("secrets",), ("configs",))


def decode(tree: Map, notes: Notes) -> dict[str, Any]:
    """Every section of the document, by name and key. Raises MigopsError listing every value that cannot be decoded."""
    run = Decoder(notes)
    plain = without_extensions(tree, ())
    made = {}
    for section, fields in SECTIONS.items():
        entries = plain.get(section)
        if isinstance(entries, Map):
            made[section] = {
                name: run.struct(entry or Map(), fields, f"{section}[{name}]", entries.marks.get(name))
                for name, entry in entries.items()
            }
    if run.faults:
        messages = "\n".join(sorted(text for text, _ in run.faults))
        raise refuse(f"decoding failed due to the following error(s):\n\n{messages}", run.faults[0][1])
    return made


def without_extensions(value: Map, path: tuple[str, ...]) -> Map:
    """A copy without ``x-*`` entries, as compose removes them: also keys that only look like an extension.

    Keys directly under ``services``, ``volumes`` and so on are names and stay. Entries removed from a mapping with free
    keys are kept under ``#extensions``, as in compose.
    """
    named = path in _NAMES or (len(path) == 3 and path[0] == "services" and path[2] == "depends_on")
    made = Map()
    made.marks = value.marks
    extras = Map()
    for key, entry in value.items():
        if not named and key.startswith("x-"):
            extras.put(key, entry, value.marks[key])
        elif isinstance(entry, Map):
            made[key] = without_extensions(entry, (*path, key))
        elif isinstance(entry, Seq):
            made[key] = items = Seq()
            items.marks = entry.marks
            below = (*path, key, "")
            items.extend(without_extensions(item, below) if isinstance(item, Map) else item for item in entry)
        else:
            made[key] = entry
    if extras:
        made.marks = dict(value.marks)
        made.put("#extensions", extras, next(iter(extras.marks.values())))
    return made
