"""New keys in mappings that exist, in the mapping's own style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from migops.commands.fix.compose_edits.draft import Source
from migops.commands.fix.compose_edits.nodes import Node, NotEditable

Block = Mapping[str, "str | Block"]
"""Keys with values that are written as they stand, or with the keys below them."""


def add_keys(source: Source, mapping: Node, keys: Block) -> None:
    """Add keys behind those that a mapping has. Raises ``NotEditable`` for an empty mapping in block style."""
    if mapping.flow:
        _add_to_flow(source, mapping, keys)
        return
    if not mapping.items:
        raise NotEditable(f"{source.path.name}:{mapping.line} has no key yet")
    column = mapping.items[0].column
    source.insert_lines(source.after(mapping, column), lines(keys, column, source.step()))


def lines(keys: Block, column: int, step: int) -> list[str]:
    """The keys in block style, a line each."""
    made = []
    for key, value in keys.items():
        if isinstance(value, str):
            made.append(f"{' ' * column}{key}: {value}")
        else:
            made += [f"{' ' * column}{key}:", *lines(value, column + step, step)]
    return made


def flow(keys: Block) -> str:
    """The keys in flow style, on one line."""
    return "{" + _entries(keys) + "}"


def _entries(keys: Block) -> str:
    return ", ".join(f"{key}: {value if isinstance(value, str) else flow(value)}" for key, value in keys.items())


def _add_to_flow(source: Source, mapping: Node, keys: Block) -> None:
    if not mapping.items:
        start = source.text.index("{", mapping.start) + 1
        source.change(start, start, _entries(keys))
        return
    last = mapping.items[-1]
    at = last.end if last.kind != "scalar" or last.end > last.start else mapping.items[-2].end
    if at != last.end:  # `{a:}`: nothing stands between the colon and the bracket
        raise NotEditable(f"{source.path.name}:{mapping.line} ends with a key without a value")
    source.change(at, at, f", {_entries(keys)}")


def rewritten(source: Source, start: int, end: int, new: Sequence[str]) -> None:
    """Replace whole lines."""
    text = "".join(line + source.newline for line in new)
    if end == len(source.text) and not source.text.endswith("\n"):
        text = text[: -len(source.newline)]
    source.change(start, end, text)
