"""Requests to a Docker Engine through the Docker SDK's connection, with API version and error messages.

The SDK provides the transports (socket, TLS, ssh). Its own calls read a whole answer into memory or hide a truncated
stream, so migops sends its few requests through the SDK's session directly.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Protocol

from migops.core import debug, progress
from migops.core.errors import MigopsError, Unavailable
from migops.docker.endpoint import Endpoint

API_VERSION = (1, 44)  # the newest version used; an older engine (20.10 has 1.41) is addressed in its own version
CONTACT = "first contact"
_CHUNK = 256 * 1024
_MAX_MESSAGE = 2000


class Answer(Protocol):
    """An answer whose body is read on demand (urllib3's response)."""

    status: int
    headers: Any

    def read(self, size: int | None = None, /) -> bytes: ...


class Http:
    """One engine's API. ``timeout`` is the number of seconds that it may stay silent.

    ``clock`` is the engine's own time at the first contact; ``hangs`` is set after a timeout.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self.clock = datetime.now(timezone.utc)
        self.hangs = False
        self._session = _session(endpoint, timeout)
        self._version = ""
        self._silence = timeout
        try:
            self._negotiate()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: Mapping[str, Any] | bytes | None = None,
        silence: float | None = None,
        versioned: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Answer]:
        """Send a request. Yields the answer with its body unread; the rest of the body is dropped afterwards.

        ``body`` is sent as JSON; bytes are sent unchanged, as a tar.
        """
        is_tar = isinstance(body, bytes)
        kind = {} if body is None else {"Content-Type": "application/x-tar" if is_tar else "application/json"}
        data = body if body is None or is_tar else json.dumps(body)
        url = self._session.base_url + (self._version if versioned else "") + path
        self._silence = silence or self.timeout
        shown = url.removeprefix(self._session.base_url)
        with self.translated(what), progress.step(f"Docker: {what}"), debug.timed("engine", method, shown) as line:
            response = self._session.request(
                method, url, data=data, headers={**kind, **(headers or {})},
                timeout=self._silence, stream=True, allow_redirects=False,
            )  # fmt: skip
            line.end(str(response.status_code))
        try:
            yield response.raw
        finally:
            response.close()

    def call(self, method: str, path: str, what: str, *, silence: float | None = None, **options: Any) -> None:
        """Send a request whose answer has no content. Raises ``Unavailable`` if it failed."""
        with self.answer(method, path, what, silence=silence, **options) as answer:
            self.check(answer, what)
            with self.translated(what):
                answer.read()

    def json(self, answer: Answer, what: str, kind: type) -> Any:
        """The answer's JSON document, which must be of type ``kind``."""
        self.check(answer, what)
        with self.translated(what):
            text = answer.read()
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, kind):
            raise Unavailable(f"the server at {self.endpoint.host} is not a Docker Engine ({what})")
        return value

    def check(self, answer: Answer, what: str) -> None:
        """Raise ``Unavailable`` for an error answer."""
        if answer.status >= 400:
            raise self.refused(what, self.message(answer))

    def refused(self, what: str, message: str) -> Unavailable:
        """The error for a refused request, with the engine's message."""
        return Unavailable(f"Docker at {self.endpoint.host} refused ({what}): {message}")

    def message(self, answer: Answer) -> str:
        """The message of an error answer."""
        with self.translated("reading an error"):
            text = answer.read(_MAX_MESSAGE).decode("utf-8", "replace").strip()
        with contextlib.suppress(ValueError, KeyError, TypeError):
            text = str(json.loads(text)["message"])
        return text.rstrip(".") or f"status {answer.status}"

    @contextmanager
    def translated(self, what: str) -> Iterator[None]:
        """Convert the connection's various exceptions to ``Unavailable``, naming the engine."""
        import requests
        import urllib3

        host = self.endpoint.host
        try:
            yield
        except (OSError, requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            cause = _innermost(error)
            if isinstance(cause, TimeoutError):
                self.hangs = True
                raise Unavailable(
                    f"Docker at {host} did not answer within {self._silence:g} s ({what})",
                    hint="check with `docker info`; restart Docker, or raise --timeout",
                ) from error
            reason = (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).rstrip(".")
            raise unreachable(self.endpoint, what, cause, reason) from error

    def _negotiate(self) -> None:
        """Negotiate the API version. One round trip, which also proves that the engine answers."""
        with self.answer("GET", "/_ping", CONTACT, versioned=False) as answer:
            self.check(answer, CONTACT)
            newest = _version(answer.headers.get("Api-Version", ""))
            if newest is None:
                raise Unavailable(f"the server at {self.endpoint.host} is not a Docker Engine")
            with self.translated(CONTACT):
                answer.read()
            with contextlib.suppress(TypeError, ValueError):
                self.clock = parsedate_to_datetime(answer.headers.get("Date", ""))
        self._version = "/v" + ".".join(map(str, min(newest, API_VERSION)))


def unreachable(endpoint: Endpoint, what: str, cause: BaseException, reason: str) -> Unavailable:
    """The error for a connection that failed while ``what`` was asked: the reason, and the usual remedies."""
    if what != CONTACT:
        return Unavailable(
            f"lost the connection to Docker at {endpoint.host} ({what}): {reason}",
            hint=f"check with `docker info`, then run it again {_address(endpoint)}",
        )
    reasons = {FileNotFoundError: "no such socket", PermissionError: "permission denied"}
    known = next((text for kind, text in reasons.items() if isinstance(cause, kind)), reason)
    group = " and that you are in the `docker` group" if endpoint.host.startswith("unix:") else ""
    return Unavailable(
        f"cannot reach Docker at {endpoint.host}: {known}",
        hint=f"check that Docker is running{group} {_address(endpoint)}",
    )


def _address(endpoint: Endpoint) -> str:
    change = "; set DOCKER_HOST to change it" if endpoint.origin == "the default" else ""
    return f"(address: {endpoint.origin.removeprefix('the ') if change else endpoint.origin}{change})"


class Stream:
    """The body of an answer as a stream. Raises ``Unavailable`` for a broken or silent connection."""

    def __init__(self, answer: Answer, http: Http, what: str) -> None:
        self._answer = answer
        self._http = http
        self._what = what
        self._ahead = memoryview(b"")  # buffer: a tar is read in small pieces, and each read of the answer is slow

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; fewer only at the end."""
        pieces = []
        while size > 0:
            if not self._ahead:
                with self._http.translated(self._what):
                    self._ahead = memoryview(self._answer.read(_CHUNK))
                if not self._ahead:
                    break
            pieces.append(self._ahead[:size])
            self._ahead = self._ahead[size:]
            size -= len(pieces[-1])
        return b"".join(pieces)


def _session(endpoint: Endpoint, timeout: float) -> Any:
    """The SDK's client for the engine: a ``requests`` session with the right transport."""
    from docker.api.client import APIClient
    from docker.errors import DockerException

    try:
        session = APIClient(
            base_url=endpoint.host, version="1.24", timeout=timeout, tls=_tls(endpoint), use_ssh_client=True
        )
    except (DockerException, OSError, ValueError) as error:
        hint = f"address: {endpoint.origin}"
        if endpoint.host.startswith("ssh:"):
            hint += "; for Docker over ssh: pip install 'migops[ssh]'"
        raise MigopsError(f"cannot use the Docker address {endpoint.host!r}: {error}", hint=hint) from error
    session.headers["Accept-Encoding"] = "identity"  # compressing tars would take longer than it saves
    session.headers["User-Agent"] = "migops"
    session.trust_env = False  # the environment's proxy does not apply to the engine
    return session


def _tls(endpoint: Endpoint) -> Any:
    from docker.tls import TLSConfig

    if not endpoint.tls or endpoint.certificates is None:
        return False
    cert, key, ca = (_file(endpoint.certificates, f"{name}.pem") for name in ("cert", "key", "ca"))
    return TLSConfig(client_cert=(cert, key) if cert and key else None, ca_cert=ca, verify=endpoint.verify)


def _file(folder: Path, name: str) -> str | None:
    return str(folder / name) if (folder / name).is_file() else None


def _innermost(error: BaseException) -> BaseException:
    """The first cause, which has the meaningful message."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _version(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None
