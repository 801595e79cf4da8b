"""HTTP with a Docker Engine: connections that are used again, a version of its API, errors in our words."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, RemoteDisconnected
from io import BufferedReader
from typing import Any

from migops.engine.endpoint import Endpoint
from migops.engine.transport import open_connection
from migops.errors import NoVerdict

API_VERSION = (1, 44)  # what migops speaks; an older engine (20.10 has 1.41) is spoken to in its own version
_CHUNK = 256 * 1024
_MAX_MESSAGE = 2000


class Http:
    """One engine's API. ``timeout`` (seconds) is how long it may stay silent.

    ``clock`` is the engine's own time at the first contact; ``hangs`` is set once it has not answered in time.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self.clock = datetime.now(timezone.utc)
        self.hangs = False
        self._idle: list[HTTPConnection] = []
        self._version = ""
        self._silence = timeout
        self._negotiate()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: Mapping[str, Any] | None = None,
        silence: float | None = None,
        versioned: bool = True,
    ) -> Iterator[HTTPResponse]:
        """The answer to one request, its body not read yet. What is left of it afterwards is thrown away."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"User-Agent": "migops"} | ({} if data is None else {"Content-Type": "application/json"})
        url = (self._version if versioned else "") + path
        self._silence = silence or self.timeout
        with self.translated(what):
            connection, answer = self._request(method, url, data, headers, self._silence)
        try:
            yield answer
        except BaseException:
            connection.close()
            raise
        if answer.isclosed() and not answer.will_close:
            self._idle.append(connection)
        else:
            connection.close()

    def call(self, method: str, path: str, what: str, *, silence: float | None = None, **options: Any) -> None:
        """Make a request whose answer says no more than that it was done."""
        with self.answer(method, path, what, silence=silence, **options) as answer:
            self.check(answer, what)
            with self.translated(what):
                answer.read()

    def json(self, answer: HTTPResponse, what: str, kind: type) -> Any:
        """The answer's JSON document, which must be a ``kind``."""
        self.check(answer, what)
        with self.translated(what):
            text = answer.read()
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, kind):
            raise NoVerdict(f"what answers at {self.endpoint.host} is no Docker Engine ({what})")
        return value

    def check(self, answer: HTTPResponse, what: str) -> None:
        """Refuse an answer that is an error."""
        if answer.status >= 400:
            raise self.refused(what, self.message(answer))

    def refused(self, what: str, message: str) -> NoVerdict:
        """The error for what the engine would not do, in its own words."""
        return NoVerdict(f"the Docker Engine at {self.endpoint.host} refused ({what}): {message}")

    def message(self, answer: HTTPResponse) -> str:
        """What the engine says in an answer that is an error."""
        with self.translated("reading an error"):
            text = answer.read(_MAX_MESSAGE).decode("utf-8", "replace").strip()
        with contextlib.suppress(ValueError, KeyError, TypeError):
            text = str(json.loads(text)["message"])
        return text.rstrip(".") or f"status {answer.status}"

    @contextmanager
    def translated(self, what: str) -> Iterator[None]:
        """Turn the many ways in which a connection fails into ``NoVerdict``, naming the engine."""
        host = self.endpoint.host
        try:
            yield
        except TimeoutError as error:
            self.hangs = True
            raise NoVerdict(
                f"the Docker Engine at {host} did not answer within {self._silence:g} s ({what})",
                hint="look with `docker info`; restart the engine, or raise --timeout",
            ) from error
        except (OSError, HTTPException) as error:
            reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
            raise NoVerdict(
                f"the connection to the Docker Engine at {host} failed ({what}): {reason}",
                hint=f"see that the engine is up and may be used; its address comes from {self.endpoint.origin}",
            ) from error

    def _negotiate(self) -> None:
        """Agree on a version of the API. One round trip, which also proves that something answers."""
        with self.answer("GET", "/_ping", "first contact", versioned=False) as answer:
            self.check(answer, "first contact")
            newest = _version(answer.headers.get("Api-Version", ""))
            if newest is None:
                raise NoVerdict(f"what answers at {self.endpoint.host} is no Docker Engine")
            with self.translated("first contact"):
                answer.read()
            with contextlib.suppress(TypeError, ValueError):
                self.clock = parsedate_to_datetime(answer.headers.get("Date", ""))
        self._version = "/v" + ".".join(map(str, min(newest, API_VERSION)))

    def _request(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], silence: float
    ) -> tuple[HTTPConnection, HTTPResponse]:
        """Send a request over an idle connection, or over a new one where the engine has closed that meanwhile."""
        while True:
            reused = bool(self._idle)
            connection = self._idle.pop() if reused else open_connection(self.endpoint, silence)
            try:
                if reused and connection.sock is not None:
                    connection.sock.settimeout(silence)
                connection.request(method, url, body, headers)
                return connection, connection.getresponse()
            except BaseException as error:
                connection.close()
                if not (reused and isinstance(error, (RemoteDisconnected, BrokenPipeError, ConnectionResetError))):
                    raise


class Stream:
    """The body of an answer, as it comes. A connection that breaks or falls silent is ``NoVerdict``."""

    def __init__(self, response: HTTPResponse, http: Http, what: str) -> None:
        self._file = BufferedReader(response, _CHUNK)
        self._http = http
        self._what = what

    def read(self, size: int, /) -> bytes:
        with self._http.translated(self._what):
            return self._file.read(size)


def _version(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None
