"""A container that was started detached, followed to its end: a line per revision, the end of its output, its exit."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migops.core import progress
from migops.core.errors import Unavailable
from migops.core.redaction import redact
from migops.core.terminal import printable
from migops.docker import Engine, execs
from migops.docker.containers import inspect

_TAIL = 30  # lines of its output that are shown
_KEPT = 1000  # lines of its output that are kept: a long statement must not push the error before it out
_REVISION = re.compile(r"Running (upgrade|downgrade)\s+(\S*) -> (\S+?)(?:, (.*))?$")
_FRAME = re.compile(r'File "(?:[^"]*/)?([^"/]+\.py)", line \d+, in (?:upgrade|downgrade)\b')
_LOOK = 0.2  # seconds between two looks at whether it has ended


@dataclass(frozen=True, slots=True)
class Followed:
    """How it ended: its code, whether the kernel killed it for its memory, the revisions that it began, in order, as
    far as Alembic's logging tells, the end of its output, and the script that a traceback of it names last
    ('': none)."""

    code: int
    out_of_memory: bool
    revisions: tuple[str, ...]
    lines: tuple[str, ...]
    script: str = ""

    @property
    def revision(self) -> str:
        """The revision that it was at in the end; '' where that was not told."""
        return self.revisions[-1] if self.revisions else ""

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that it wrote, to be shown."""
        return self.lines[-_TAIL:]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def exit_code(self) -> int:
        return self.code

    @property
    def stopped(self) -> bool:
        """No signal of the user's ends it: it waits."""
        return False


def follow(engine: Engine, container: str, say: Callable[[str], None]) -> Followed:
    """Follow it to its end. ``say`` is given a line for every revision as it begins.

    Raises ``Unavailable`` where the engine goes away, or no longer knows the container: then how it ended is not known.
    """
    kept: deque[str] = deque(maxlen=_KEPT)
    begun: list[str] = []
    script = ""
    for line in _lines(engine, container):
        kept.append(line)
        progress.output(f"{line}\n".encode())
        if frame := _FRAME.search(line):
            script = frame[1]
        if found := _REVISION.search(line):
            begun.append(found[3] if found[1] == "upgrade" else found[2])
            say(f"{found[1]:<9} {begun[-1]}  {found[4] or ''}".rstrip())
    state = _ended(engine, container)
    return Followed(int(state.get("ExitCode") or 0), bool(state.get("OOMKilled")), tuple(begun), tuple(kept), script)


def _lines(engine: Engine, container: str) -> Iterator[str]:
    """What it writes, line by line, safe for a terminal; nothing where its logging driver keeps nothing to be read."""
    rest: dict[int, bytes] = {}
    try:
        with execs.logs(engine, container) as pieces:
            for stream, data in pieces:
                *whole, rest[stream] = (rest.get(stream, b"") + data).split(b"\n")
                yield from (_text(line) for line in whole)
    except Unavailable:
        if inspect(engine, container) is None:  # raises where it is the engine that has gone
            raise
    yield from (_text(line) for line in rest.values() if line)


def _text(line: bytes) -> str:
    return printable(redact(line.decode("utf-8", "replace").rstrip()))


def _ended(engine: Engine, container: str) -> Mapping[str, Any]:
    """Its state once it has ended."""
    while True:
        found = inspect(engine, container)
        if found is None:
            raise Unavailable(f"the container {container} was removed while it ran, so how it ended is not known")
        state: Mapping[str, Any] = found.get("State") or {}
        if state.get("Status") in ("exited", "dead"):
            return state
        time.sleep(_LOOK)
