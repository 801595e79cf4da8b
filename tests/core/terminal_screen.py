"""A program on a pseudo terminal, and what a person sees there in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

PATIENCE = 90.0  # seconds for a loaded machine


class OnTerminal:
    """A process whose streams are a terminal of so many columns. ``echo``: what is typed is shown, as usual."""

    def __init__(self, words: Sequence[str], columns: int, env: Mapping[str, str], cwd: str | None, echo: bool) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        modes = termios.tcgetattr(slave)
        modes[3] = modes[3] if echo else modes[3] & ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        self.process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd=cwd,
            env={**os.environ, "TERM": "xterm", **env}, preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(slave)
        self.raw = ""

    def until(self, pattern: str) -> str:
        """Read until the pattern is there, and return everything that came. AssertionError if it does not come."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.raw):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.raw!r}"
            assert self._read(1.0), f"ended without {pattern!r}: {self.raw!r}"
        return self.raw

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read(PATIENCE):
            pass
        return self.process.wait(PATIENCE)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:  # how Linux says that the other end is closed
            return False
        self.raw += data.decode()
        return bool(data)


@contextmanager
def on_terminal(
    *words: str, columns: int = 80, env: Mapping[str, str] | None = None, cwd: str | None = None, echo: bool = False
) -> Iterator[OnTerminal]:
    """A Python process with these arguments on a terminal, killed at the end of the ``with`` if it still runs."""
    running = OnTerminal((sys.executable, *words), columns, env or {}, cwd, echo)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
        os.close(running.master)


def screen(raw: str) -> list[str]:
    """The lines that stand on the screen in the end: carriage returns and erased lines carried out."""
    lines, column = [""], 0
    for piece in re.findall(r"\x1b\[2K|\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\r\n\x1b]+", raw):
        if piece == "\n":
            lines.append("")
            column = 0
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[2K":
            lines[-1] = ""
        elif not piece.startswith("\x1b"):
            lines[-1] = lines[-1][:column].ljust(column) + piece + lines[-1][column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]


def drawn(raw: str) -> list[str]:
    """Every text that was written over a line, in order."""
    return [text for text in re.findall(r"\r\x1b\[2K([^\r\n\x1b]*)", raw) if text]


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
