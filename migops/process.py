"""The one door to subprocesses: git and the compose command line. Argument lists only, never a shell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.errors import NoVerdict


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended: its argument list, exit code, and both streams as bytes."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes


class CommandError(NoVerdict):
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
    said = " ".join(argv)
    environment = {name: value for name, value in {**os.environ, **(env or {})}.items() if value is not None}
    try:
        done = subprocess.run(
            list(argv), cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=timeout
        )
    except FileNotFoundError as error:
        hint = f"install {argv[0]}, or put it on PATH"
        raise CommandError(f"cannot run `{said}`: {error.strerror}", hint=hint) from None
    except OSError as error:
        raise CommandError(f"cannot run `{said}`: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"`{said}` did not end within {timeout:g} s") from None
    completed = Completed(tuple(argv), done.returncode, done.stdout, done.stderr)
    if check and completed.code != 0:
        text = (completed.stderr or completed.stdout).decode(errors="replace").strip()
        raise CommandError(f"`{said}` ended with code {completed.code}: {text or 'it said nothing'}")
    return completed


def start(argv: Sequence[str], *, terminal: bool, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start ``argv`` and return at once; the caller waits for it. ``env`` is added to our own environment.

    With ``terminal`` it shares ours, streams and keyboard signals. Without, it reads nothing, writes to pipes, and
    lives in a session of its own, so that the signals we get are not its.
    """
    pipe = None if terminal else subprocess.PIPE
    try:
        return subprocess.Popen(
            list(argv), env={**os.environ, **(env or {})}, stdin=None if terminal else subprocess.DEVNULL, stdout=pipe,
            stderr=pipe, start_new_session=not terminal,
        )  # fmt: skip
    except OSError as error:
        hint = f"install {argv[0]}, or put it on PATH"
        raise CommandError(f"cannot run `{' '.join(argv)}`: {error.strerror}", hint=hint) from None
