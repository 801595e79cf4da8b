"""Types commands at a terminal of 120 columns, as a user does, and reads what is printed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_STEP = re.compile(r"(?m)^ +\d+  ((?:migops|docker|git) .+?)\r?$")
_EDIT = re.compile(r"(?m)^ +\d+  edit (\S+):(\d+) ")
_NEXT = re.compile(r"(?m)^(?:migops: | +)?next +((?:migops|docker|git) .+?)\r?$")
_ERASED = re.compile(r"[^\n]*\r\x1b\[2K")
"""Progress that was on a line until it was erased."""
_ASKED = re.compile(rb"\[y/N\]:? ?$")


@dataclass(frozen=True)
class Answer:
    """What a command printed, and how it ended."""

    code: int
    text: str

    @property
    def steps(self) -> list[str]:
        """The commands of the plan, in their order."""
        return _STEP.findall(self.text)

    @property
    def edits(self) -> list[tuple[str, int]]:
        """The file and line of each edit of the plan."""
        return [(file, int(line)) for file, line in _EDIT.findall(self.text)]

    @property
    def to_commit(self) -> str:
        """The commit of a new revision; '' if there is none."""
        return self.text.partition("then commit it: ")[2].partition("\n")[0]

    @property
    def next(self) -> str:
        """The command of the last line that says what to do now; '' if it has none."""
        return (_NEXT.findall(self.text) or [""])[-1]


@dataclass
class Terminal:
    """A shell in a project; ``typed`` are the commands so far."""

    folder: Path
    env: Mapping[str, str]
    typed: list[str] = field(default_factory=list)

    def type(self, command: str) -> Answer:
        """Type a command, and say yes whenever it asks."""
        self.typed.append(command)
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        done = subprocess.Popen(
            command, shell=True, cwd=self.folder,
            env={**self.env, "NO_COLOR": "1", "COLUMNS": "120", "BUILDKIT_PROGRESS": "plain"},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        output = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # how Linux says that nobody has the other end any more
                break
            if not read:
                break
            output += read
            if _ASKED.search(output):
                os.write(ours, b"y\n")
        os.close(ours)
        text = output.decode(errors="replace").replace("\r\n", "\n")
        return Answer(done.wait(), _ERASED.sub("", text))
