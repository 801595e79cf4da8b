"""The compose files that a fix edits, and its edits until they are made into new contents."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migops.commands.fix.compose_edits.nodes import Node, NotEditable, parse
from migops.commands.fix.model import FileEdit

_BOM = b"\xef\xbb\xbf"
_GENERATED = re.compile(r"^#.*\b(auto-?generated|generated (by|from|with)|do not edit|don't edit)\b", re.IGNORECASE)
_HEAD = 15  # lines in which a generated file says that it is one


@dataclass(slots=True)
class Source:
    """One file: its text without the byte order mark, its nodes, and the changes so far, as (start, end, new text)."""

    path: Path
    before: bytes
    text: str
    roots: list[Node]
    changes: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def newline(self) -> str:
        """The file's line end."""
        return "\r\n" if self.text.count("\r\n") * 2 > self.text.count("\n") else "\n"

    def change(self, start: int, end: int, new: str) -> None:
        """Replace the characters from ``start`` to ``end``. The same change twice is one: two services share it."""
        if (start, end, new) not in self.changes:
            self.changes.append((start, end, new))

    def line_start(self, offset: int) -> int:
        """The offset at which the line begins."""
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """The offset after the line, that is after its line end if it has one."""
        found = self.text.find("\n", offset)
        return len(self.text) if found < 0 else found + 1

    def after(self, node: Node, column: int) -> int:
        """The offset after a node's last line, and after comment lines below it that are indented to ``column``."""
        offset = self.line_end(max(node.end - 1, node.start))
        while (line := self.text[offset : self.line_end(offset)]).lstrip(" ").startswith("#"):
            if len(line) - len(line.lstrip(" ")) < column:
                break
            offset += len(line)
        return offset

    def insert_lines(self, offset: int, lines: Sequence[str]) -> None:
        """Insert whole lines at a line's beginning, or at the end of a text without a final line end."""
        text = "".join(line + self.newline for line in lines)
        if offset == len(self.text) and self.text and not self.text.endswith("\n"):
            text = self.newline + text[: -len(self.newline)]
        self.change(offset, offset, text)

    def step(self) -> int:
        """The number of spaces by which this file indents one level."""
        for _, services in self.entries("services"):
            for key, value in services.resolved.pairs():
                inner = value.resolved
                if inner.kind == "map" and not inner.flow and inner.items and inner.items[0].column > key.column:
                    return inner.items[0].column - key.column
        return 2

    def entries(self, key: str) -> Iterator[tuple[Node, Node]]:
        """The top-level entries of that key, of all documents."""
        for root in self.roots:
            entry = root.get(key)
            if entry:
                yield entry

    def after_bytes(self) -> bytes:
        """The new content. Raises ``NotEditable`` if two changes are at the same place."""
        parts: list[str] = []
        position = 0
        for start, end, new in sorted(self.changes, key=lambda each: each[:2]):
            if start < position:
                raise NotEditable(f"two edits of {self.path.name} are at the same place")
            parts += (self.text[position:start], new)
            position = end
        made = "".join((*parts, self.text[position:])).encode()
        return _BOM + made if self.before.startswith(_BOM) else made


@dataclass(slots=True)
class Draft:
    """All files of one fix."""

    sources: dict[str, Source] = field(default_factory=dict)

    def source(self, file: str) -> Source:
        """A file, read once. Raises ``NotEditable`` if it may not be edited."""
        if file not in self.sources:
            self.sources[file] = _read(file)
        return self.sources[file]

    def contents(self) -> dict[str, bytes]:
        """The new contents, by the name under which compose reads the file."""
        return {file: source.after_bytes() for file, source in self.sources.items() if source.changes}

    def edits(self) -> tuple[FileEdit, ...]:
        """The new contents as edits of the real files."""
        return tuple(
            FileEdit(source.path, source.before, source.after_bytes())
            for source in self.sources.values()
            if source.changes
        )


def _read(file: str) -> Source:
    if file == "-":
        raise NotEditable("the compose file is read from standard input")
    path = Path(file).resolve()
    if path.suffix == ".json":
        raise NotEditable(f"{file} is JSON; migops edits YAML")
    try:
        before = path.read_bytes()
    except OSError as error:
        raise NotEditable(f"{file} cannot be read: {error.strerror}") from None
    if not os.access(path, os.W_OK):
        raise NotEditable(f"{file} may not be written by this user")
    try:
        text = before.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        raise NotEditable(f"{file} is not UTF-8") from None
    if any(_GENERATED.match(line) for line in text.splitlines()[:_HEAD]):
        raise NotEditable(f"{file} says that it is generated; change its source")
    if "\r" in text.replace("\r\n", "\n"):
        raise NotEditable(f"{file} has line ends that are neither LF nor CR LF")
    return Source(path, before, text, parse(text))
