"""The guide as a test reads it: its code blocks in order, with what a comment before them says about playing them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?ms)(?:^<!-- (?P<order>before|not run): (?P<value>[^\n]*?) -->\n+)?^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$"
)
ANSWER = re.compile(r"\]: (\w+)$")


@dataclass(frozen=True)
class Command:
    """A line that is typed, and the lines of its output that the guide shows (… is anything)."""

    line: str
    shown: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        """What is typed at its questions."""
        return tuple(found[1] for line in self.shown if (found := ANSWER.search(line)))


@dataclass(frozen=True)
class Block:
    """``exit`` is the exit code of the last command; the others end with 0."""

    kind: str
    text: str
    exit: int = 0
    before: str = ""
    not_run: str = ""

    @property
    def commands(self) -> tuple[Command, ...]:
        found: list[Command] = []
        for line in self.text.splitlines() if self.kind == "console" else ():
            if line.startswith("$ "):
                found.append(Command(line.removeprefix("$ ")))
            elif line.strip():
                found[-1] = Command(found[-1].line, (*found[-1].shown, line.strip()))
        return tuple(found)


def blocks(page: Path) -> Iterator[Block]:
    for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        kind, *more = found["info"].split()
        orders = {found["order"]: found["value"]} if found["order"] else {}
        code = dict(word.split("=") for word in more).get("exit", "0")
        yield Block(kind, found["text"], int(code), orders.get("before", ""), orders.get("not run", ""))
