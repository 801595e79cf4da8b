"""An engine of a few lines on a unix socket, to show what no real engine does on request: hang, lie, break off."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from migops.docker import Engine, connect

IMAGE_ID = "sha256:" + "5" * 64
Answer = Callable[[BaseHTTPRequestHandler], None]


class FakeEngine:
    """Answers by method and the end of the path; ``seen`` are the requests it got, ``answers`` may be replaced."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.containers: list[dict[str, Any]] = []
        self.release = threading.Event()
        self.answers: dict[str, Answer] = {
            "GET /_ping": lambda to: send(to, b"OK"),
            "GET /containers/json": lambda to: send_json(to, self.containers),
            "GET /images/app:1/json": lambda to: send_json(
                to,
                {"Id": IMAGE_ID, "Created": "2024-01-02T03:04:05.6Z", "Config": {}, "RootFS": {"Layers": ["sha256:1"]}},
            ),
            "POST /containers/create": lambda to: send_json(to, {"Id": "c" * 64}, 201),
            "DELETE /containers/": lambda to: send(to, b"", 204),
            "GET /containers/": lambda to: send_json(to, {"message": "No such container: x"}, 404),
        }

    def handle(self, to: BaseHTTPRequestHandler) -> None:
        self.seen.append(f"{to.command} {to.path}")
        path = to.path.partition("/v1.44")[2] or to.path
        body = to.rfile.read(int(to.headers.get("Content-Length") or 0))
        del body
        matches = [key for key in self.answers if f"{to.command} {path}".startswith(key)]
        self.answers[max(matches, key=len)](to)

    def hang(self, to: BaseHTTPRequestHandler) -> None:
        self.release.wait(20)
        to.close_connection = True


def send(to: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    to.send_response(status)
    for name, value in {"Api_Version": "1.48", **headers}.items():
        to.send_header(name.replace("_", "-"), value)
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    to.wfile.write(body)


def send_json(to: BaseHTTPRequestHandler, value: object, status: int = 200) -> None:
    send(to, json.dumps(value).encode(), status)


def send_tar(
    to: BaseHTTPRequestHandler, data: bytes, *, cut: int | None = None, link: str = "", clean: bool = False
) -> None:
    """A tar in chunks, broken off after ``cut`` bytes: within a chunk, or (``clean``) as if it were whole."""
    stat = {"name": "versions", "size": 1, "mode": 0, "mtime": "2024-01-02T03:04:05Z", "linkTarget": link}
    to.send_response(200)
    to.send_header("Transfer-Encoding", "chunked")
    to.send_header("X-Docker-Container-Path-Stat", base64.b64encode(json.dumps(stat).encode()).decode())
    to.end_headers()
    sent = data if cut is None else data[:cut]
    if cut is None or clean:
        to.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent) if sent else b"0\r\n\r\n")
    else:
        to.wfile.write(b"%x\r\n%s" % (len(data), sent))
        to.close_connection = True


@contextmanager
def serve(folder: Path) -> Iterator[tuple[FakeEngine, str]]:
    """A running fake engine, and its address."""
    fake = FakeEngine()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self) -> None:
            fake.handle(self)

        do_GET = do_POST = do_DELETE = handle_request

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def address_string(self) -> str:
            return "unix"

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away is none of ours."""

    path = folder / "engine.sock"
    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield fake, f"unix://{path}"
        finally:
            fake.release.set()
            server.shutdown()
            thread.join()
            path.unlink()


def engine_at(host: str, timeout: float = 5.0) -> Engine:
    return connect(timeout, {"DOCKER_HOST": host, "HOME": "/nonexistent"})
