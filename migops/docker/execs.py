"""Commands in a container, and its end: exec, logs, kill, stop, remove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from migops.core import debug
from migops.core.errors import Unavailable
from migops.docker.client import Engine

STDOUT, STDERR = 1, 2
SILENCE = 1e6  # seconds: a migration may print nothing for hours, which is not a failure of the engine
REFUSED = b"OCI runtime exec failed"
"""The start of the engine's output for a program that the container does not have."""
_GRACE = 900.0  # seconds: a container may have a long grace period
_HEADER = 8  # bytes before each piece of output: the stream, three of padding, the length


@dataclass(frozen=True, slots=True)
class ExecState:
    """The state of an exec."""

    running: bool
    code: int | None  # the exit code; None while it runs
    pid: int  # 0 if it was never started
    words: tuple[str, ...] = ()  # its command


def create_exec(
    engine: Engine, container: str, command: Sequence[str], env: Mapping[str, str], *,
    stdin: bool = False, cwd: str = "",
) -> str:  # fmt: skip
    """Create an exec of ``command`` in a running container, as its user and in its working directory (or ``cwd``).

    It has no terminal, and standard input only with ``stdin`` (see ``docker.feeding``). ``env`` is added to the
    container's environment. Returns the exec's ID.
    """
    what = f"preparing {command[0]!r} in the container {container[:12]}"
    body = {
        "AttachStdin": stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        "Cmd": list(command),
        "Env": [f"{name}={value}" for name, value in env.items()],
        **({"WorkingDir": cwd} if cwd else {}),
    }
    with engine.http.answer("POST", f"/containers/{quote(container)}/exec", what, body=body) as answer:
        exec_id = str(engine.http.json(answer, what, dict)["Id"])
    debug.exec_started(exec_id, container, command)
    return exec_id


@contextmanager
def output(engine: Engine, exec_id: str, silence: float = SILENCE) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Start the exec. Yields its output piece by piece, each with its stream.

    ``silence`` is the number of seconds that it may write nothing.
    """
    what = "running a command in a container"
    body = {"Detach": False, "Tty": False}
    with engine.http.answer("POST", f"/exec/{exec_id}/start", what, body=body, silence=silence) as answer:
        engine.http.check(answer, what)
        yield pieces(engine, answer, what)


def pieces(engine: Engine, answer: Any, what: str) -> Iterator[tuple[int, bytes]]:
    """Demultiplex an answer with two streams into pieces, each with its stream."""
    while True:
        with engine.http.translated(what):
            header = answer.read(_HEADER)
            size = int.from_bytes(header[4:], "big") if len(header) == _HEADER else 0
            data = answer.read(size) if size else b""
        if len(header) < _HEADER:
            return
        if data:
            yield header[0], data


@contextmanager
def logs(engine: Engine, container: str) -> Iterator[Iterator[tuple[int, bytes]]]:
    """The output of a container without a terminal from start to end, piece by piece, each with its stream."""
    what = f"following the output of the container {container[:40]}"
    url = f"/containers/{quote(container)}/logs?follow=1&stdout=1&stderr=1"
    with engine.http.answer("GET", url, what, silence=SILENCE) as answer:
        engine.http.check(answer, what)
        yield pieces(engine, answer, what)


def exec_state(engine: Engine, exec_id: str) -> ExecState:
    """The state of the exec. Raises ``Unavailable`` if the engine no longer knows it, as its container is gone."""
    what = "asking how a command in a container ended"
    with engine.http.answer("GET", f"/exec/{exec_id}/json", what) as answer:
        if answer.status == 404:
            raise Unavailable("the container was removed while a command ran in it, so its exit code is unknown")
        state = engine.http.json(answer, what, dict)
    code = state.get("ExitCode")
    config = state.get("ProcessConfig") or {}
    words = tuple(map(str, (config.get("entrypoint") or "", *(config.get("arguments") or ()))))
    if not state.get("Running"):
        debug.exec_ended(exec_id, code)
    return ExecState(bool(state.get("Running")), None if code is None else int(code), int(state.get("Pid") or 0), words)


def run_quietly(engine: Engine, container: str, command: Sequence[str]) -> int | None:
    """Run a short command in a container. Returns its exit code, 126 or 127 if there is no such program."""
    exec_id = create_exec(engine, container, command, {})
    with output(engine, exec_id) as written:
        for _ in written:
            pass
    return exec_state(engine, exec_id).code


def kill(engine: Engine, container: str, signal: str) -> bool:
    """Send a signal to a container's first process. False if it is not running (any more, or yet)."""
    what = f"sending {signal} to the container {container[:12]}"
    with engine.http.answer("POST", f"/containers/{quote(container)}/kill?signal={signal}", what) as answer:
        if answer.status in (404, 409):
            return False
        engine.http.check(answer, what)
        answer.read()
    return True


def stop(engine: Engine, container: str) -> None:
    """Stop a container like ``docker stop``, with its own grace period. No effect on a stopped one."""
    what = f"stopping the container {container[:12]}"
    engine.http.call("POST", f"/containers/{quote(container)}/stop", what, silence=_GRACE)


def remove(engine: Engine, container: str, *, volumes: bool = True) -> bool:
    """Remove a container, running or not, and (with ``volumes``) its anonymous volumes. False if there is none."""
    what = f"removing the container {container[:12]}"
    with engine.http.answer("DELETE", f"/containers/{quote(container)}?v={volumes:d}&force=1", what) as answer:
        if answer.status == 404:
            return False
        if answer.status != 409:  # 409: already being removed
            engine.http.check(answer, what)
        answer.read()
    return True
