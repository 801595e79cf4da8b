"""The end of a container's log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from migops.docker.client import Engine
from migops.docker.execs import pieces

LINES = 200
_LARGEST = 1 << 20  # bytes that are kept of these lines


def last_lines(engine: Engine, container: str, *, terminal: bool = False, lines: int = LINES) -> list[str]:
    """The last lines that a container printed, of both streams; ``terminal``: it has one, so its log has no headers.

    Raises ``Unavailable`` if the log cannot be read, for example because its logging driver keeps none.
    """
    what = f"reading the log of the container {container[:12]}"
    url = f"/containers/{quote(container)}/logs?{urlencode({'stdout': 1, 'stderr': 1, 'tail': lines})}"
    with engine.http.answer("GET", url, what) as answer:
        engine.http.check(answer, what)
        data = bytearray()
        for part in _plain(engine, answer, what) if terminal else (data for _, data in pieces(engine, answer, what)):
            data += part
            del data[:-_LARGEST]
    return data.decode("utf-8", "replace").replace("\r", "").splitlines()


def _plain(engine: Engine, answer: Any, what: str) -> Iterator[bytes]:
    while True:
        with engine.http.translated(what):
            part = answer.read(1 << 16)
        if not part:
            return
        yield part
