"""A proxy in front of an engine or a database that loses what passes through it, on purpose."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

Address = Path | tuple[str, int]
"""A unix socket, or a host and a TCP port."""


@dataclass(frozen=True)
class Fault:
    """What happens to the answers of a connection."""

    after: int
    """How many bytes of the answer still pass."""
    stall: bool = False
    """Then say nothing for ever, instead of closing the connection."""
    on: bytes = b""
    """Count only from the request that contains this ("GET /images/"); the first one by default."""


@dataclass
class Proxy:
    """A running proxy. `fault` may be set, changed or taken away (None) while it runs: it holds for new requests."""

    address: Address
    fault: Fault | None = None
    struck: int = 0
    """How many connections the fault has hit: a test that never met its fault proves nothing."""
    _open: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        """As in DOCKER_HOST."""
        if isinstance(self.address, tuple):
            return f"tcp://{self.address[0]}:{self.address[1]}"
        return f"unix://{self.address}"

    def strike(self) -> None:
        with self._lock:
            self.struck += 1

    def keep(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._open.extend(sockets)

    def close(self) -> None:
        """Close every connection; threads that wait on one end."""
        with self._lock:
            for open_socket in self._open:
                _hang_up(open_socket)
                open_socket.close()
            self._open.clear()


@contextlib.contextmanager
def proxy(
    target: Address, listen: Path | None = None, fault: Fault | None = None, at: str = "127.0.0.1"
) -> Iterator[Proxy]:
    """Forward connections to *target*, from the unix socket *listen* or else from a free TCP port at *at*."""
    server = socket.socket(socket.AF_UNIX) if listen else socket.create_server((at, 0))
    if listen:
        server.bind(str(listen))
        server.listen()
    running = Proxy(listen or (at, server.getsockname()[1]), fault)
    thread = threading.Thread(target=_accept, args=(server, target, running), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        _hang_up(server)
        server.close()
        thread.join(5)
        running.close()
        if listen:
            listen.unlink(missing_ok=True)


def _accept(server: socket.socket, target: Address, running: Proxy) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return  # closed: the proxy ends
        upstream = socket.socket(socket.AF_INET if isinstance(target, tuple) else socket.AF_UNIX)
        running.keep(client, upstream)
        try:
            upstream.connect(target if isinstance(target, tuple) else str(target))
        except OSError:
            _hang_up(client)  # as seen from the client: a server that is not there
            continue
        connection = _Connection(client, upstream, running)
        for pump in (connection.requests, connection.answers):
            threading.Thread(target=pump, daemon=True).start()


@dataclass
class _Connection:
    client: socket.socket
    upstream: socket.socket
    running: Proxy
    left: int | None = None
    """How many bytes of answers may still pass; None while no fault is armed."""
    fault: Fault | None = None

    def requests(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := self.client.recv(65536):
                fault = self.running.fault
                if fault and self.fault is None and fault.on in chunk:
                    self.fault, self.left = fault, fault.after
                self.upstream.sendall(chunk)
            self.upstream.shutdown(socket.SHUT_WR)  # an exec's input may end before its output does

    def answers(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := self.upstream.recv(65536):
                if self.left is not None:
                    chunk, self.left = chunk[: self.left], self.left - len(chunk)
                if chunk:
                    self.client.sendall(chunk)
                if self.left is not None and self.left < 0:
                    self._lose()
                    return
            self.client.shutdown(socket.SHUT_WR)

    def _lose(self) -> None:
        self.running.strike()
        _hang_up(self.upstream)
        if self.fault and not self.fault.stall:
            _hang_up(self.client)


def _hang_up(open_socket: socket.socket) -> None:
    with contextlib.suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
