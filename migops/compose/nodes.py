"""A YAML file's text → the graph of its nodes, with lines, resolved anchors and a bounded size.

libyaml parses (or PyYAML's own parser, if that was built without it). The event stream is processed here, because
PyYAML implements YAML 1.1, keeps the last of two equal keys, and does not detect alias bombs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from migops.core.errors import MigopsError
from migops.core.location import Location

ALIASED_NODES = 20_000
ALIASED_NODES_EACH = 100
"""Nodes that a document may reach through aliases and merge keys: this many, plus this many for each written node."""
MOST_LEVELS = 200
"""Maximum nesting of mappings and lists, aliases followed."""


class Node:
    """One node of the YAML graph. ``items`` are a sequence's nodes, or a mapping's alternating keys and values."""

    __slots__ = ("alias", "height", "items", "kind", "line", "tag", "value", "weight")

    def __init__(self, kind: str, line: int, tag: str | None, value: str) -> None:
        self.kind = kind  # "scalar", "map", "seq" or "alias"
        self.line = line
        self.tag = tag
        self.value = value
        self.items: list[Node] = []
        self.alias: Node | None = None
        # Nodes and levels from here down; an alias counts with everything it stands for.
        self.weight = 1
        self.height = 1


class Composer:
    """libyaml's events → nodes. ``documents`` returns the root of each document, in order."""

    def __init__(self, content: bytes, file: str) -> None:
        self.file = file
        self.content = content
        self.anchors: dict[str, Node] = {}
        self.written = 0

    def documents(self) -> list[Node]:
        """The root node of each document, in order. Raises MigopsError for invalid YAML."""
        import yaml

        self.text = self._text()
        while True:
            try:
                parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(self.text)
                return list(self._roots(parser.get_event))
            except yaml.YAMLError as error:
                self.text = self._without_escaped_quote(error)

    def _roots(self, next_event: Callable[[], Any]) -> Iterator[Node]:
        self.next = next_event
        self.anchors.clear()
        while type(event := self.next()).__name__ != "StreamEndEvent":
            if type(event).__name__ == "DocumentStartEvent":
                if event.version not in (None, (1, 1)):
                    raise self._fail("found incompatible YAML document", event.start_mark.line + 1)
                yield self._node(self.next(), 1)

    def _without_escaped_quote(self, error: Any) -> str:
        """The text with the ``\\'`` that stopped libyaml replaced by a quote, as in go-yaml; else raises the error."""
        mark = getattr(error, "problem_mark", None)
        if mark is not None and "unknown escape character" in (error.problem or ""):
            at = self.text.find("\\'", max(mark.index - 1, 0), mark.index + 2)
            if at >= 0:
                return f"{self.text[:at]}'{self.text[at + 2 :]}"
        raise self._unreadable(error) from None

    def _text(self) -> str:
        encoding = "utf-16" if self.content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            return self.content.decode(encoding)
        except UnicodeDecodeError as error:
            line = self.content.count(b"\n", 0, error.start) + 1
            detail = "invalid leading UTF-8 octet" if error.reason == "invalid start byte" else "invalid UTF-8"
            hint = "save the file as UTF-8"
            raise self._fail(f"{detail} ({error.reason})", line, hint) from None

    def _unreadable(self, error: Any) -> MigopsError:
        context, mark = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        mark = mark or context
        if "maximum nesting" in problem:  # newer parsers have their own limit, above ours
            return self._too_deep(mark.line + 1 if mark else 1)
        if mark is None:
            return self._fail(problem, 1)
        # go-yaml counts a parser's lines from 0 and a scanner's from 1, and starts from the construct's beginning.
        number = (context.line if context is not None and context.line else mark.line) + (
            1 if type(error).__name__ == "ScannerError" else 0
        )
        where = f"line {number}: " if number else ""
        hint = "YAML is indented with spaces, never with tabs" if "cannot start any token" in problem else ""
        return self._fail(f"{where}{problem}", mark.line + 1, hint)

    def _node(self, event: Any, level: int) -> Node:
        kind = type(event).__name__
        self.written += 1
        line = event.start_mark.line + 1
        if level > MOST_LEVELS:
            raise self._too_deep(line)
        if kind == "ScalarEvent":
            plain = event.style is None or event.style == ""
            tag = event.tag if event.tag != "!" else None
            if event.style == '"' and "/" in event.value:
                self._check_escapes(event, line)
            node = Node("scalar", line, tag or (None if plain else "!!str"), event.value)
        elif kind == "AliasEvent":
            return self._alias(event, line)
        else:
            node = Node("map" if kind == "MappingStartEvent" else "seq", line, event.tag, "")
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        if node.kind != "scalar":
            self._fill(node, level)
        return node

    def _check_escapes(self, event: Any, line: int) -> None:
        """Reject ``\\/``, which go-yaml does not know."""
        written = self.text[event.start_mark.index : event.end_mark.index]
        if "\\/" in written.replace("\\\\", ""):
            raise self._fail(f"line {line}: found unknown escape character", line)

    def _fill(self, node: Node, level: int) -> None:
        end = "MappingEndEvent" if node.kind == "map" else "SequenceEndEvent"
        weight, height = 1, 0
        child = self.next()
        while type(child).__name__ != end:
            below = self._node(child, level + 1)
            node.items.append(below)
            weight += below.weight
            height = max(height, below.height)
            child = self.next()
        node.weight, node.height = weight, height + 1
        self._check_size(node)

    def _alias(self, event: Any, line: int) -> Node:
        target = self.anchors.get(event.anchor)
        if target is None:
            raise self._fail(f"unknown anchor '{event.anchor}' referenced", line)
        node = Node("alias", line, None, event.anchor)
        node.alias = target
        node.weight, node.height = target.weight, target.height
        self._check_size(node)
        return node

    def _too_deep(self, line: int) -> MigopsError:
        return self._fail(f"nested too deeply: more than {MOST_LEVELS} levels", line)

    def _fail(self, problem: str, line: int, hint: str = "") -> MigopsError:
        return MigopsError(f"failed to parse {self.file}: yaml: {problem}", at=Location(self.file, line), hint=hint)

    def _check_size(self, node: Node) -> None:
        if node.height > MOST_LEVELS:
            raise self._too_deep(node.line)
        if node.weight > ALIASED_NODES + ALIASED_NODES_EACH * self.written:
            raise self._fail("document contains excessive aliasing", node.line, "an alias bomb is never read")
