"""Running something in a container of the engine, and stopping it: exec, kill, remove."""

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
SILENCE = 1e6  # seconds: a migration may say nothing for hours, and that is no fault of the engine
REFUSED = b"OCI runtime exec failed"
"""What the engine writes in place of a program's output where the container has no such program."""
_GRACE = 900.0  # seconds: a container may have been given a long time to stop in
_HEADER = 8  # bytes before each piece of output: which stream, three of padding, the length


@dataclass(frozen=True, slots=True)
class ExecState:
    """How an exec stands. ``code`` is None as long as it runs; ``pid`` is 0 where it was never started.

    ``words`` are what it runs.
    """

    running: bool
    code: int | None
    pid: int
    words: tuple[str, ...] = ()


def create_exec(
    engine: Engine, container: str, command: Sequence[str], env: Mapping[str, str], *,
    stdin: bool = False, cwd: str = "",
) -> str:  # fmt: skip
    """Prepare ``command`` in a running container, as its user and in its working directory (or ``cwd``); the exec's ID.

    It gets no terminal, and no standard input but with ``stdin`` (see ``engine.feeding``). ``env`` is added to the
    container's environment.
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
    """Start the exec; its output piece by piece as it comes, each with the stream it was written to.

    ``silence`` is for how many seconds it may write nothing.
    """
    what = "running a command in a container"
    body = {"Detach": False, "Tty": False}
    with engine.http.answer("POST", f"/exec/{exec_id}/start", what, body=body, silence=silence) as answer:
        engine.http.check(answer, what)
        yield pieces(engine, answer, what)


def pieces(engine: Engine, answer: Any, what: str) -> Iterator[tuple[int, bytes]]:
    """What an answer brings of two streams in one, piece by piece, each with the stream that it was written to."""
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
    """What a container without a terminal writes, from its beginning until it ends, piece by piece as it comes."""
    what = f"following the output of the container {container[:40]}"
    url = f"/containers/{quote(container)}/logs?follow=1&stdout=1&stderr=1"
    with engine.http.answer("GET", url, what, silence=SILENCE) as answer:
        engine.http.check(answer, what)
        yield pieces(engine, answer, what)


def exec_state(engine: Engine, exec_id: str) -> ExecState:
    """How the exec stands. ``Unavailable`` where the engine does not know it any more: its container is gone."""
    what = "asking how a command in a container ended"
    with engine.http.answer("GET", f"/exec/{exec_id}/json", what) as answer:
        if answer.status == 404:
            raise Unavailable("the container was removed while a command ran in it, so its exit code is unknown")
        found = engine.http.json(answer, what, dict)
    code = found.get("ExitCode")
    config = found.get("ProcessConfig") or {}
    words = tuple(map(str, (config.get("entrypoint") or "", *(config.get("arguments") or ()))))
    if not found.get("Running"):
        debug.exec_ended(exec_id, code)
    return ExecState(bool(found.get("Running")), None if code is None else int(code), int(found.get("Pid") or 0), words)


def run_quietly(engine: Engine, container: str, command: Sequence[str]) -> int | None:
    """Run a short command in a container and return its code, 126 or 127 where the container has no such program."""
    exec_id = create_exec(engine, container, command, {})
    with output(engine, exec_id) as written:
        for _ in written:
            pass
    return exec_state(engine, exec_id).code


def kill(engine: Engine, container: str, signal: str) -> bool:
    """Send a signal to a container's first process; False where it does not run (any more, or yet)."""
    what = f"sending {signal} to the container {container[:12]}"
    with engine.http.answer("POST", f"/containers/{quote(container)}/kill?signal={signal}", what) as answer:
        if answer.status in (404, 409):
            return False
        engine.http.check(answer, what)
        answer.read()
    return True


def stop(engine: Engine, container: str) -> None:
    """Stop a container as ``docker stop`` does, after the grace period that it has; one that is stopped stays so."""
    what = f"stopping the container {container[:12]}"
    engine.http.call("POST", f"/containers/{quote(container)}/stop", what, silence=_GRACE)


def remove(engine: Engine, container: str, *, volumes: bool = True) -> bool:
    """Remove a container, running or not, and its anonymous volumes unless told to leave them; False where there is
    none."""
    what = f"removing the container {container[:12]}"
    with engine.http.answer("DELETE", f"/containers/{quote(container)}?v={volumes:d}&force=1", what) as answer:
        if answer.status == 404:
            return False
        if answer.status != 409:  # 409: someone else is removing it
            engine.http.check(answer, what)
        answer.read()
    return True
