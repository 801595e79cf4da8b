"""Progress of what takes more than a second, on standard error: the step, how long it takes, the last line of output.

On a terminal that is one line, which is rewritten and erased again; elsewhere a line every 30 seconds. ``stream_all``
(``-v``) writes the whole output instead of its last line. Nothing is shown of a step that ends within a second, and
standard output is never written to. The command line opens a ``scope`` for each run; outside of one nothing is shown.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from migops.core.progress_line import Screen

PATIENCE = 1.0
"""Seconds that a step may take before anything is shown."""
EVERY = 30.0
"""Seconds between two lines where there is no terminal."""
_REDRAWN = 0.2  # seconds between two looks at a line on a terminal
_NAMES = 52  # characters of the steps' names, so that a narrow terminal shows the time as well
_LONGEST = 64 * 1024  # bytes kept of a line that has not ended yet
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # and whatever else moves a cursor


class _Step:
    """A step: its name, its beginning, and the last line that its programs have written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = time.monotonic()
        self.last: bytes | str = ""
        self._rest = b""

    def take(self, data: bytes) -> list[bytes]:
        """Take a piece of output; return the lines that it ends. Half a line is kept: half a secret is not seen."""
        *lines, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        self._rest = self._rest[-_LONGEST:]
        whole = [line for line in lines if line.strip()]
        self.last = whole[-1] if whole else self.last
        return whole


class _Run:
    """The steps that are under way in one run of the command line, the outermost first."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self.streams_all = False
        self.screen: Screen | None = None
        self.ended: threading.Event | None = None

    def begin(self, step: _Step) -> None:
        self.steps.append(step)
        if len(self.steps) == 1:
            import threading  # a run without a step needs neither

            from migops.core.progress_line import Screen

            self.screen = self.screen or Screen()
            self.ended = threading.Event()
            threading.Thread(target=self._watch, args=(self.ended, self.screen, step), daemon=True).start()

    def end(self, step: _Step) -> None:
        self.steps.remove(step)
        if not self.steps and self.screen and self.ended:
            self.ended.set()
            with self.screen.lock:
                self.screen.erase()

    def _watch(self, ended: threading.Event, screen: Screen, outermost: _Step) -> None:
        """Show the steps until the outermost has ended; in a thread of its own."""
        pause = PATIENCE if screen.is_terminal else EVERY
        while not ended.wait(pause):
            text = self._text(outermost)
            with screen.lock, suppress(OSError, ValueError, RuntimeError):  # a terminal that is gone ends nothing
                if not ended.is_set():
                    screen.show(text)
            pause = _REDRAWN if screen.is_terminal else EVERY

    def _text(self, outermost: _Step) -> str:
        steps, now = tuple(self.steps), time.monotonic()
        slow = [step.name for step in steps if step is outermost or now - step.began >= PATIENCE]
        names = _clean(": ".join(dict.fromkeys(slow)))
        names = names if len(names) <= _NAMES else f"{names[: _NAMES - 1]}…"
        last = next((shown for step in reversed(steps) if (shown := _clean(step.last))), "")
        return f"{names}  {elapsed(now - outermost.began)}{'  ' if last else ''}{last}"


_runs: list[_Run] = []


@contextmanager
def scope() -> Iterator[None]:
    """A run of the command line: at its end nothing of the line is left, and the streams are as before."""
    run = _Run()
    _runs.append(run)
    try:
        yield
    finally:
        _runs.remove(run)
        if run.screen is not None:
            run.screen.close()


def stream_all() -> None:
    """Write all output from now on, not only its last line (``-v``)."""
    if _runs:
        _runs[-1].streams_all = True


def is_streamed() -> bool:
    """True if all output is written as it comes, so that nobody needs to repeat its end."""
    return bool(_runs) and _runs[-1].streams_all


@contextmanager
def step(name: str) -> Iterator[None]:
    """A step that may take longer than a second; ``name`` says what is done: ``build app``. Steps may be nested."""
    if not _runs:
        yield
        return
    run, begun = _runs[-1], _Step(name)
    run.begin(begun)
    try:
        yield
    finally:
        run.end(begun)


def output(data: bytes) -> None:
    """A piece of what the step's program writes. Its last line is shown; with ``stream_all`` every line."""
    if not _runs or not _runs[-1].steps:
        return
    lines = _runs[-1].steps[-1].take(data)
    if _runs[-1].streams_all and sys.stderr is not None:
        with suppress(OSError, RuntimeError, ValueError):  # as of a terminal that is gone
            for line in lines:
                print(f"  | {_clean(line)}", file=sys.stderr, flush=True)


def note(text: str) -> None:
    """How far the step is, in words of our own: shown as its last line of output is."""
    if _runs and _runs[-1].steps:
        _runs[-1].steps[-1].last = text


def elapsed(seconds: float) -> str:
    """Seconds for a person: ``42 s``, ``3 min 05 s``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _clean(line: bytes | str) -> str:
    """The line without secrets, colours and whatever else acts on a terminal."""
    from migops.core.redaction import redact  # a quick step is never shown
    from migops.core.terminal import printable

    text = line if isinstance(line, str) else line.decode("utf-8", "replace")
    return printable(redact(_COLOUR.sub("", text).strip()))
