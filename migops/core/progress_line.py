"""The line of ``migops.core.progress`` on standard error, which gives way to whatever else is written there."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Any, TextIO

from migops.core import debug

_ERASE = "\r\x1b[2K"
_ROOM = 3  # columns left free, so that the ^C that a terminal shows does not begin a second line
_QUESTION = ("?", ":", "]")  # ends of a text that waits for an answer


class Screen:
    """Standard error as it was, with what stands on its last line.

    While it is open, ``sys.stderr``, and ``sys.stdout`` if it is on the same terminal, are streams that erase the line
    before they write.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a signal's handler may write while the same thread writes
        self.is_terminal = _is_terminal(sys.stderr) and not debug.enabled()  # whose lines go past us
        self._stream = sys.stderr
        self._pending = ""  # what another writer has left on the last line
        self._shown = ""  # our line, while it is there
        self._is_foreign = False  # bytes went past us, so that nobody knows what stands on the last line
        self._replaced: dict[str, tuple[Any, Any]] = {}
        for name in ("stderr", "stdout") if self.is_terminal else ("stderr",):
            stream = getattr(sys, name)
            if stream is not None and (name == "stderr" or _is_terminal(stream)):
                self._replaced[name] = (stream, _Yielding(stream, self))
                setattr(sys, name, self._replaced[name][1])

    def close(self) -> None:
        """Erase the line, and put the streams of before back."""
        self.erase()
        for name, (before, ours) in self._replaced.items():
            if getattr(sys, name) is ours:
                setattr(sys, name, before)

    def show(self, text: str) -> None:
        """Write the line: over the last one on a terminal, else below what is there. A closed stream gets nothing."""
        if self._stream is None:
            return
        if self.is_terminal:
            if self._is_foreign or self._pending.rstrip().endswith(_QUESTION):
                return
            line = cut(text, _width(self._stream) - _ROOM)
            if line != self._shown:
                self._stream.write(_ERASE + line)
            self._shown = line
        else:
            self._stream.write(("\n" if self._pending else "") + f"migops: {text}\n")
            self._pending = ""
        self._stream.flush()

    def erase(self) -> None:
        """Erase our line, and put back what stood there."""
        if self._shown:
            self._shown = ""
            with suppress(OSError, ValueError):
                self._stream.write(_ERASE + self._pending)
                self._stream.flush()

    def written(self, text: str) -> None:
        """Another writer has written this; what follows its last line break stays on the last line."""
        self._pending = (self._pending + text).rpartition("\n")[2]
        self._is_foreign = self._is_foreign and "\n" not in text

    def give_way(self) -> None:
        """Another writer passes bytes on: nothing is shown until a line of ours follows them."""
        self.erase()
        self._is_foreign = True


class _Yielding:
    """A stream of which each write erases our line first."""

    def __init__(self, stream: Any, screen: Screen) -> None:
        self._stream = stream
        self._screen = screen

    def write(self, text: str) -> int:
        with self._screen.lock:
            self._screen.erase()
            count: int = self._stream.write(text)
            self._screen.written(text)
            return count

    @property
    def buffer(self) -> Any:
        """The stream of bytes below, for a writer that passes bytes on."""
        below = self._stream.buffer
        with self._screen.lock:
            self._screen.give_way()
        return below

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def cut(text: str, columns: int) -> str:
    """The beginning of the text that fits into so many columns of a terminal."""
    import unicodedata

    used = 0
    for place, char in enumerate(text):
        used += 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if used > columns:
            return text[:place]
    return text


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
