"""Runs the compose CLI for a step: its output is kept and folded away, unless it fails."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.stop import Stop
from migops.core import progress
from migops.core.process import start
from migops.core.redaction import redact
from migops.core.terminal import printable

_NONE: Mapping[str, str] = MappingProxyType({})
SHOWN = 40  # lines of the output's end that a failure shows
_QUIET = {
    "BUILDKIT_PROGRESS": "plain", "COMPOSE_PROGRESS": "plain", "COMPOSE_ANSI": "never", "COMPOSE_MENU": "false",
    "COMPOSE_IGNORE_ORPHANS": "true", "DOCKER_CLI_HINTS": "false",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its code, and the last lines that it wrote to both streams."""

    code: int
    tail: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.tail)


def run(deploy: Deploy, words: Sequence[str], *, may_end: bool = True, env: Mapping[str, str] = _NONE) -> Ran:
    """Run it to its end, with ``env`` added to its environment.

    A signal ends it where ``may_end``; else it goes on, and the signal waits. On failure the end of what it said is
    shown. ``Unavailable`` where it cannot be started.
    """
    ran = quietly(words, deploy.stop if may_end else None, env)
    if ran.code and not (may_end and deploy.stop.came) and not progress.is_streamed():
        for line in ran.tail:
            deploy.say.line(f"  | {line}")
    return ran


def quietly(words: Sequence[str], stop: Stop | None = None, env: Mapping[str, str] = _NONE) -> Ran:
    """Run it, and say nothing."""
    process = start(words, env={**_QUIET, **env}, join=True)
    tail: deque[bytes] = deque(maxlen=SHOWN)

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)

    if stop is None:
        _drain(process, tail)
    else:
        with stop.ending(end):
            if stop.came:  # just before: then nobody has ended it
                end()
            _drain(process, tail)
    # Only what is kept is looked through: a build says much.
    kept = tuple(printable(redact(line.decode("utf-8", "replace").rstrip())) for line in tail)
    return Ran(process.wait(), kept)


def _drain(process: subprocess.Popen[bytes], tail: deque[bytes]) -> None:
    if process.stdout is None:
        return
    with process.stdout as stream:
        for line in stream:
            tail.append(line)
            progress.output(line)
