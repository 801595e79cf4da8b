from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.engine import Engine
from tests.engine.proxy import Address, Fault, Proxy, proxy

ANSWER = bytes(range(256)) * 1000


@contextlib.contextmanager
def server(path: Path | None = None) -> Iterator[Address]:
    """Answers each connection's first line, once its peer has finished talking, with ANSWER."""
    listener = socket.socket(socket.AF_UNIX) if path else socket.create_server(("127.0.0.1", 0))
    if path:
        listener.bind(str(path))
        listener.listen()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    while connection.recv(4096):
                        pass
                    connection.sendall(ANSWER)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield path or ("127.0.0.1", listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def ask(running: Proxy, request: bytes = b"GET /\n", *, seconds: float = 5) -> bytes:
    """What comes back for *request*; a silence longer than *seconds* raises TimeoutError."""
    unix = isinstance(running.address, Path)
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as connection:
        connection.settimeout(seconds)
        connection.connect(str(running.address) if isinstance(running.address, Path) else running.address)
        answer = b""
        with contextlib.suppress(ConnectionError):  # a peer that hangs up may do so at any of these steps
            connection.sendall(request)
            with contextlib.suppress(OSError):  # "not connected", where the peer was quicker
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


def test_without_a_fault_all_passes_over_tcp_and_unix_sockets(tmp_path: Path) -> None:
    with server() as target, proxy(target) as running:
        assert ask(running) == ANSWER
        assert running.host.startswith("tcp://127.0.0.1:")
    with server(tmp_path / "s") as target, proxy(target, tmp_path / "p") as running:
        assert ask(running) == ANSWER
        assert running.host == f"unix://{tmp_path / 'p'}"
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("after", [0, 1, 1000])
def test_an_answer_is_cut_after_so_many_bytes(after: int) -> None:
    with server() as target, proxy(target, fault=Fault(after)) as running:
        assert ask(running) == ANSWER[:after]
        assert running.struck == 1


def test_a_fault_waits_for_its_request_and_can_be_taken_away() -> None:
    with server() as target, proxy(target, fault=Fault(7, on=b"COMMIT")) as running:
        assert ask(running, b"SELECT 1\n") == ANSWER
        assert ask(running, b"COMMIT\n") == ANSWER[:7]
        running.fault = None
        assert ask(running, b"COMMIT\n") == ANSWER
        assert running.struck == 1


def test_a_stalled_answer_neither_goes_on_nor_ends() -> None:
    with server() as target, proxy(target, fault=Fault(10, stall=True)) as running:
        with pytest.raises(TimeoutError):
            ask(running, seconds=0.3)
        assert running.struck == 1


def test_a_server_that_is_not_there_looks_so(tmp_path: Path) -> None:
    with proxy(tmp_path / "nobody") as running:
        assert ask(running) == b""


def test_docker_works_through_it_and_notices_a_cut(
    engine: Engine, engine_proxy: Callable[[Fault | None], Proxy], tmp_path: Path
) -> None:
    running = engine_proxy(None)
    env = {**engine.env, "DOCKER_HOST": running.host}
    assert engine.docker("version", "--format", "{{.Server.Version}}", env=env).strip() == engine.version
    running.fault = Fault(5000, on=b"/get?names=")
    with pytest.raises(AssertionError, match="EOF"):
        engine.docker("save", "--output", str(tmp_path / "cut.tar"), "python:3.11-slim", env=env)
    assert running.struck == 1
