"""Whether the engine can start a script: its interpreter's line, its line ends, its permission to be executed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from migops.entrypoint.model import Executed, Has

SHELL = "/bin/sh"
"""An image without it is made for one program, or was not read as a whole; nothing is said of its interpreters."""


class Why(Enum):
    """The reason why a file cannot be started."""

    LINE_ENDS = "line ends"  # its first line ends with CR LF, so the interpreter's name has a CR
    PERMISSION = "permission"  # nobody may execute it
    INTERPRETER = "interpreter"  # its interpreter is not there
    NO_INTERPRETER = "no interpreter"  # a text without a line that names one


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that cannot be started. ``at`` is its path in ``place``, ``path`` the one in the container."""

    path: str
    at: str
    place: str
    why: Why
    interpreter: str = ""  # as its first line names it


def faults(executed: Executed, has: Has | None, search: Sequence[str]) -> Iterator[Fault]:
    """Why the file cannot be started. ``has`` reads the image, if it is known; ``search``: the folders of PATH."""
    file = executed.file
    line, _, rest = file.content.partition(b"\n")
    words = line[2:].decode("utf-8", "replace").split() if line.startswith(b"#!") else []
    named = " ".join(words)

    def fault(why: Why) -> Fault:
        return Fault(executed.path, file.at, file.place, why, named)

    if file.mode is not None and not file.mode & 0o111:
        yield fault(Why.PERMISSION)
    if words and line.endswith(b"\r"):
        yield fault(Why.LINE_ENDS)
    elif words and has is not None and has([SHELL]) and not has(_interpreters(words, search)):
        yield fault(Why.INTERPRETER)
    elif not words and rest and executed.alone and _is_text(file.content):
        yield fault(Why.NO_INTERPRETER)


def _interpreters(words: Sequence[str], search: Sequence[str]) -> list[str]:
    """The paths that the interpreter may have: as written, or for ``env NAME`` in any folder of PATH."""
    if posixpath.basename(words[0]) != "env":
        return [words[0]]
    name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
    if not name or name.startswith("/"):
        return [name or words[0]]
    return [posixpath.join(folder, name) for folder in search]


def _is_text(content: bytes) -> bool:
    """True for a script; a compiled program needs no interpreter."""
    start = content[:1024]
    return b"\0" not in start and all(byte >= 9 for byte in start)
