"""Our terminal passed on to a command, with one of its own in between: so that migops sees its output too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from migops.core.process import start

_PIECE = 1 << 16


@contextmanager
def in_terminal(
    argv: Sequence[str], take: Callable[[bytes], None], env: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], threading.Thread]]:
    """Start ``argv`` in a terminal of its own; the process, and the thread that ends with its output.

    Keys go there as they are pressed (Ctrl-C too: it is the command's to understand), the size follows ours. Ours is
    as it was afterwards.
    """
    import fcntl
    import termios
    import tty

    ours = sys.stdin.fileno()
    outer, inner = os.openpty()
    stop, stopped = os.pipe()

    def resize(number: int = 0, frame: FrameType | None = None) -> None:
        with suppress(OSError):
            fcntl.ioctl(outer, termios.TIOCSWINSZ, fcntl.ioctl(ours, termios.TIOCGWINSZ, b"\0" * 8))

    def show() -> None:
        with suppress(OSError):  # EIO is how a terminal says that nobody has it open any more
            while data := os.read(outer, _PIECE):
                take(data)

    resize()
    process = start(argv, terminal=inner, env=env)
    os.close(inner)
    shown = threading.Thread(target=show, daemon=True)
    typed = threading.Thread(target=_type, args=(ours, outer, stop), daemon=True)
    settings = termios.tcgetattr(ours)
    before = signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(ours)
        raw = termios.tcgetattr(ours)
        raw[1] |= termios.OPOST  # what migops itself says meanwhile begins at the left
        termios.tcsetattr(ours, termios.TCSADRAIN, raw)
        shown.start()
        typed.start()
        yield process, shown
    finally:
        termios.tcsetattr(ours, termios.TCSADRAIN, settings)
        signal.signal(signal.SIGWINCH, before)
        os.close(stopped)
        typed.join()
        os.close(stop)
        os.close(outer)


def _type(ours: int, outer: int, stop: int) -> None:
    """Hand on what is typed until ``stop`` is closed at its other end."""
    import select

    with suppress(OSError):
        while stop not in (ready := select.select([ours, stop], [], [])[0]):
            data = os.read(ready[0], _PIECE)
            if not data:
                return
            os.write(outer, data)
