"""A one-off container of the application: created, filled with files, run to its end and removed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from migops.core import progress
from migops.docker import Engine, execs, making
from migops.sandbox import owned
from migops.sandbox.app import App
from migops.sandbox.bodies import app_body

SETTLE = 0.3  # seconds for the engine to finish creating a container when a signal interrupts the request
_NAMED = 40  # characters of a command that name it while it runs
_KEPT = 64 * 1024  # bytes kept of the end of the output

Take = Callable[[int, bytes], None]
"""Receives the output as it arrives: ``execs.STDOUT`` or ``execs.STDERR``, and the bytes."""


def run(
    engine: Engine,
    app: App,
    words: Sequence[str],
    network: str,
    name: str,
    *,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    folders: Sequence[str] = (),
    memory: Sequence[str] = (),
    take: Take | None = None,
    started: Callable[[], None] | None = None,
) -> tuple[int, bytes]:
    """Run ``words`` in a container of that name on that network alone; return its exit code and the end of its output.

    ``environment`` is added to the service's. ``files`` are written before the start, into new ``folders``. ``memory``:
    folders with an empty tmpfs. ``take`` receives all output; ``started`` is called when the container runs. Raises
    ``Unavailable`` if it cannot be started.
    """
    kept: deque[bytes] = deque()
    created = False
    try:
        body = app_body(app, words, network, owned.labels(), environment=environment or {}, memory=memory)
        making.create_container(engine, name, body)
        created = True
        if written := {**app.files, **(files or {})}:
            making.put(engine, name, written, folders)
        with progress.step(" ".join(words)[:_NAMED]), making.attached(engine, name) as pieces:
            making.start(engine, name)
            if started is not None:
                started()
            for stream, data in pieces:
                _keep(kept, data)
                if take is None:
                    progress.output(data)
                else:
                    take(stream, data)
        return making.wait(engine, name), b"".join(kept)
    finally:
        with owned.unhurried():
            if not created:
                time.sleep(SETTLE)
            execs.remove(engine, name)


def _keep(kept: deque[bytes], data: bytes) -> None:
    kept.append(data)
    while sum(map(len, kept)) - len(kept[0]) >= _KEPT:
        kept.popleft()
