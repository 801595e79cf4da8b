"""HTTP connections to an engine: over a unix socket, TCP with or without TLS, and ssh."""

from __future__ import annotations

import socket
import subprocess
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from migops.engine.endpoint import Endpoint
from migops.errors import MigopsError


def open_connection(endpoint: Endpoint, timeout: float) -> HTTPConnection:
    """A connection that is not made yet: the first request does that. ``timeout`` is in seconds, for each wait.

    Raises ``MigopsError`` for an address or certificates that cannot be used.
    """
    try:
        url = urlsplit(endpoint.host)
        port = url.port
    except ValueError as error:
        raise _unusable(endpoint, str(error)) from error
    if url.scheme == "unix":
        return _UnixConnection(url.netloc + url.path, timeout)
    if url.scheme == "ssh" and url.hostname and not url.path.strip("/"):
        return _SshConnection(url, timeout)
    if url.scheme == "tcp" and url.hostname:
        if endpoint.tls:
            return _tls_connection(endpoint, url.hostname, port or 2376, timeout)
        return HTTPConnection(url.hostname, port or 2375, timeout=timeout)
    raise _unusable(endpoint, "it is none of unix://PATH, tcp://HOST:PORT, ssh://HOST")


def _unusable(endpoint: Endpoint, why: str) -> MigopsError:
    return MigopsError(
        f"the Docker Engine's address {endpoint.host!r} cannot be used: {why}",
        hint=f"see where it comes from: {endpoint.origin}",
    )


def _tls_connection(endpoint: Endpoint, host: str, port: int, timeout: float) -> HTTPSConnection:
    import ssl

    folder = endpoint.certificates
    ca, cert, key = (None if folder is None else folder / f"{name}.pem" for name in ("ca", "cert", "key"))
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca and ca.exists() else None)
        if not endpoint.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if cert and key and cert.exists():
            context.load_cert_chain(cert, key)
    except OSError as error:  # ssl.SSLError is one
        raise _unusable(endpoint, f"the certificates in {folder} cannot be read ({error})") from error
    return HTTPSConnection(host, port, timeout=timeout, context=context)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _SshConnection(HTTPConnection):
    """Through the user's own ssh, as the docker CLI does it: ``docker system dial-stdio`` runs on the other side."""

    def __init__(self, url: SplitResult, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        user = ("-l", url.username) if url.username else ()
        port = ("-p", str(url.port)) if url.port else ()
        self._command = ("ssh", "-T", *user, *port, "--", url.hostname or "", "docker", "system", "dial-stdio")
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(self.timeout)
        with theirs:
            self._process = subprocess.Popen(self._command, stdin=theirs.fileno(), stdout=theirs.fileno())

    def close(self) -> None:
        super().close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
