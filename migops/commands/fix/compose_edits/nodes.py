"""YAML text → nodes with the offsets of their characters, which an edit needs and our reader's lines do not tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal


class NotEditable(Exception):
    """The file, or this place in it, cannot be edited safely. The message is the reason."""

    @property
    def reason(self) -> str:
        """The reason, without a period."""
        return str(self.args[0])


@dataclass(slots=True, eq=False)
class Node:
    """One node. ``start`` and ``end`` are offsets in the text; ``start`` is that of its anchor or tag, if it has one.

    ``line`` counts from 1, ``column`` from 0. ``items``: a sequence's nodes, or a mapping's keys and values in turn.
    """

    kind: Literal["scalar", "map", "seq", "alias"]
    start: int
    end: int
    line: int
    column: int
    value: str = ""
    flow: bool = False
    anchor: str = ""
    style: str = ""
    """A scalar's: '' (plain), ``'``, ``"``, ``|`` or ``>``."""
    items: list[Node] = field(default_factory=list)
    target: Node | None = None

    @property
    def resolved(self) -> Node:
        """The node that an alias stands for; itself if it is none."""
        return self.target or self

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """A mapping's keys and values, as they are written."""
        if self.kind == "map":
            yield from zip(self.items[::2], self.items[1::2], strict=True)

    def get(self, key: str) -> tuple[Node, Node] | None:
        """The entry of that key. Merge keys are not followed."""
        return next(((name, value) for name, value in self.pairs() if name.value == key), None)

    def walk(self) -> Iterator[Node]:
        """This node and all nodes that are written below it."""
        yield self
        for item in self.items:
            yield from item.walk()


def parse(text: str) -> list[Node]:
    """The root of each document. Raises ``NotEditable`` for text that the YAML parser rejects."""
    import yaml

    parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        return list(_roots(parser.get_event, text))
    except (yaml.YAMLError, RecursionError) as error:
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise NotEditable(f"the positions in its text cannot be read: {problem}") from None


def _roots(following: Callable[[], Any], text: str) -> Iterator[Node]:
    anchors: dict[str, Node] = {}
    while type(event := following()).__name__ != "StreamEndEvent":
        if type(event).__name__ == "DocumentStartEvent":
            anchors.clear()
            yield _node(following(), following, text, anchors)


def _node(event: Any, following: Callable[[], Any], text: str, anchors: dict[str, Node]) -> Node:
    kind = type(event).__name__
    mark = event.start_mark
    node = Node("scalar", mark.index, event.end_mark.index, mark.line + 1, mark.column)
    node.anchor = event.anchor or ""
    if kind == "AliasEvent":
        node.kind, node.target = "alias", anchors.get(node.anchor)
        return node
    if node.anchor:
        anchors[node.anchor] = node
    if kind == "ScalarEvent":
        node.value, node.style = event.value, event.style or ""
        node.end = node.start + len(text[node.start : node.end].rstrip())
        return node
    node.kind = "map" if kind == "MappingStartEvent" else "seq"
    node.flow = bool(event.flow_style)
    end = "MappingEndEvent" if node.kind == "map" else "SequenceEndEvent"
    while type(child := following()).__name__ != end:
        node.items.append(_node(child, following, text, anchors))
    # The end of a block is where the next token begins, behind comments that are no part of it.
    node.end = child.end_mark.index if node.flow else max([node.start, *(item.end for item in node.items)])
    return node
