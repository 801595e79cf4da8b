"""Commands in a container with standard input, over the hijacked connection of the engine."""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

from migops.core.errors import Unavailable
from migops.docker.client import Engine

_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}
_CHUNK = 256 * 1024
_HEADER = 8  # bytes before each piece of output: the stream, three of padding, the length


def limited(command: Sequence[str], size: int) -> tuple[str, ...]:
    """``command`` with an input that ends after ``size`` bytes, independent of the connection.

    TLS cannot close one direction alone, so ``head`` counts the bytes. The exit code is the command's own.
    """
    return ("sh", "-c", 'head -c "$0" | "$@"', str(size), *command)


@contextmanager
def conversation(
    engine: Engine, exec_id: str, given: Iterator[bytes], silence: float
) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Start the exec and write ``given`` to it. Yields its output piece by piece, each with its stream.

    A command that stops reading is not an error: the rest of ``given`` is dropped. ``silence`` is the number of seconds
    without data in either direction.
    """
    what = "running a command in a container with an input"
    body = {"Detach": False, "Tty": False}
    path = f"/exec/{exec_id}/start"
    with engine.http.answer("POST", path, what, body=body, silence=silence, headers=_UPGRADE) as answer:
        engine.http.check(answer, what)
        if answer.status != 101:
            raise Unavailable(
                f"the Docker Engine at {engine.endpoint.host} does not accept input for a command in a container"
            )
        line, ahead = _line(answer)
        try:
            yield _pieces(engine, _exchange(line, ahead, given, silence), what)
        finally:
            line.end()


@dataclass(frozen=True, slots=True)
class _Line:
    """Both directions of a non-blocking connection. ``take`` returns None if there is no data yet."""

    reads: int
    writes: int
    take: Callable[[int], bytes | None]
    put: Callable[[memoryview], int]
    waiting: Callable[[], int]
    end: Callable[[], None] = lambda: None


def _line(answer: Any) -> tuple[_Line, bytes]:
    """The connection of an answer, and the bytes already read from it."""
    reader = answer._fp.fp
    channel = getattr(reader, "channel", None)  # the SDK's name for its ssh client
    if channel is not None:
        pipe = channel.proc.stdin
        os.set_blocking(reader.fileno(), False)
        os.set_blocking(pipe.fileno(), False)
        line = _Line(
            reader.fileno(), pipe.fileno(), lambda size: os.read(reader.fileno(), size),
            lambda data: os.write(pipe.fileno(), data), lambda: 0, lambda: _end(pipe),
        )  # fmt: skip
    else:
        ours: socket.socket = reader.raw._sock
        ours.setblocking(False)
        waiting = ours.pending if isinstance(ours, ssl.SSLSocket) else lambda: 0
        line = _Line(ours.fileno(), ours.fileno(), ours.recv, ours.send, waiting)
    try:
        ahead = reader.peek()
    except ssl.SSLWantReadError:
        ahead = b""
    return line, reader.read(len(ahead)) if ahead else b""


def _end(pipe: IO[bytes]) -> None:
    """Close the pipe to the ssh client: the SDK's own close would write to a client that has ended."""
    with suppress(OSError):
        pipe.close()


def _exchange(line: _Line, ahead: bytes, given: Iterator[bytes], silence: float) -> Iterator[bytes]:
    """Write ``given`` as fast as it is read, and yield incoming data meanwhile."""
    if ahead:
        yield ahead
    left = memoryview(next(given, b""))
    while True:
        if not line.waiting() and not any(select.select([line.reads], [line.writes] if left else [], [], silence)):
            raise TimeoutError
        try:
            data = line.take(_CHUNK)
            if data == b"":
                return
            if data:
                yield data
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        if not left:
            continue
        try:
            left = left[line.put(left) :] or memoryview(next(given, b""))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except (BrokenPipeError, ConnectionResetError):  # the command stopped reading; its output is still valid
            left = memoryview(b"")


def _pieces(engine: Engine, received: Iterator[bytes], what: str) -> Iterator[tuple[int, bytes]]:
    held = b""
    while True:
        with engine.http.translated(what):
            data = next(received, b"")
        if not data:
            return
        held += data
        while len(held) >= _HEADER and len(held) >= (end := _HEADER + int.from_bytes(held[4:_HEADER], "big")):
            if end > _HEADER:
                yield held[0], held[_HEADER:end]
            held = held[end:]
