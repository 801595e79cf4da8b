"""Alembic's output, passed on as it comes, with the end of it kept."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from migops.docker import execs

_KEPT = 64 * 1024  # bytes of the output's end that are kept, to explain a failure by

Sink = Callable[[int, bytes], None]
"""Takes what was written, with ``execs.STDOUT`` or ``execs.STDERR``."""


@dataclass(slots=True)
class Output:
    """Our own standard output and error, with the end of what went there.

    ``lost`` says why some of it could not be written, '' where all was or nobody wanted it.
    """

    kept: deque[bytes] = field(default_factory=deque)
    size: int = 0
    closed: set[int] = field(default_factory=set)
    lost: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, stream: int, data: bytes) -> None:
        """Pass it on at once. That it cannot be written (any more) does not stop a migration."""
        with self.lock:
            self.kept.append(data)
            self.size += len(data)
            while self.size - len(self.kept[0]) >= _KEPT:
                self.size -= len(self.kept.popleft())
        if stream in self.closed:
            return
        target = sys.stdout if stream == execs.STDOUT else sys.stderr
        try:
            _write(target, data)
        except OSError as error:
            self.closed.add(stream)
            if not isinstance(error, BrokenPipeError):  # else its reader has had enough
                self.lost = error.strerror or str(error)
            with Path(os.devnull).open("wb") as nowhere:  # else Python fails at its end on what is left in the buffer
                os.dup2(nowhere.fileno(), target.fileno())

    def clear(self) -> None:
        """Forget what was kept: what comes now is another attempt's."""
        with self.lock:
            self.kept.clear()
            self.size = 0

    def tail(self) -> str:
        """The end of both streams, as text."""
        return b"".join(self.kept).decode("utf-8", "replace")


def _write(target: TextIO, data: bytes) -> None:
    """Byte for byte, where the stream is one of bytes below; a test's may not be."""
    binary = getattr(target, "buffer", None)
    if binary is None:
        target.write(data.decode("utf-8", "replace"))
    else:
        binary.write(data)
        binary.flush()
