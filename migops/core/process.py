"""The one door to subprocesses: git and the compose command line. Argument lists only, never a shell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.core import debug, progress
from migops.core.errors import Unavailable
from migops.core.redaction import redact

_NAMED = 40  # characters of a command that name it while it runs


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended: its argument list, exit code, and both streams as bytes."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes


class CommandError(Unavailable):
    """A command could not be started, did not end in time, or ended with a code that was not allowed."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    timeout: float = 60.0,
    stdin: bytes = b"",
    check: bool = True,
) -> Completed:
    """Run ``argv`` to its end and return what it said.

    ``env`` is added to our own environment, and what is None there is left out; ``timeout`` is in seconds. With
    ``check``, a code other than 0 raises ``CommandError`` with the code and what the command wrote.
    """
    shown = " ".join(argv)
    environment = {name: value for name, value in {**os.environ, **(env or {})}.items() if value is not None}
    try:
        with progress.step(shown[:_NAMED]), debug.timed("command", *argv) as line:
            done = subprocess.run(
                list(argv), cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=timeout
            )
            line.end(f"exit code {done.returncode}")
    except FileNotFoundError as error:
        hint = f"install {argv[0]}, or put it on PATH"
        raise CommandError(f"cannot run `{shown}`: {error.strerror}", hint=hint) from None
    except OSError as error:
        raise CommandError(f"cannot run `{shown}`: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"`{shown}` did not end within {timeout:g} s") from None
    completed = Completed(tuple(argv), done.returncode, done.stdout, done.stderr)
    if check and completed.code != 0:
        text = (completed.stderr or completed.stdout).decode(errors="replace").strip()
        raise CommandError(f"`{shown}` failed with exit code {completed.code}: {redact(text) or 'no output'}")
    return completed


def start(
    argv: Sequence[str], *, terminal: int | None = None, env: Mapping[str, str] | None = None, join: bool = False,
    stdin: int | None = None,
) -> subprocess.Popen[bytes]:  # fmt: skip
    """Start ``argv`` and return at once; the caller waits for it. ``env`` is added to our own environment.

    It lives in a session of its own, so that the signals we get are not its. Without ``terminal`` it reads nothing and
    writes to pipes; with one (a file descriptor) it has that for its streams, and the keys that are signals reach it.
    ``join`` sends what it writes to both streams to the one pipe of standard output, in order. ``stdin`` is a file
    descriptor that it reads instead of nothing.
    """
    if terminal is None:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL if stdin is None else stdin, "stdout": subprocess.PIPE}
        streams["stderr"] = subprocess.STDOUT if join else subprocess.PIPE
    else:
        streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal, "preexec_fn": _take_terminal}
    try:
        start_process = _Timed if debug.enabled() else subprocess.Popen
        return start_process(list(argv), env={**os.environ, **(env or {})}, start_new_session=True, **streams)
    except OSError as error:
        hint = f"install {argv[0]}, or put it on PATH"
        raise CommandError(f"cannot run `{' '.join(argv)}`: {error.strerror}", hint=hint) from None


class _Timed(subprocess.Popen[bytes]):
    """A process that writes its debug line as soon as its exit code is known."""

    def __init__(self, argv: list[str], **options: Any) -> None:
        self._line = debug.Timed("command", *argv)
        try:
            super().__init__(argv, **options)
        except OSError as error:
            self._line.end(f"failed ({type(error).__name__})")
            raise

    def wait(self, timeout: float | None = None) -> int:
        code = super().wait(timeout)
        self._line.end(f"exit code {code}")
        return code

    def poll(self) -> int | None:
        code = super().poll()
        if code is not None:
            self._line.end(f"exit code {code}")
        return code


def _take_terminal() -> None:
    """In the new process: make its standard input the terminal that controls its session."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
