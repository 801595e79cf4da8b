"""The requests that migops makes of a Docker Engine: the little of the Engine API that it needs, over HTTP."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, RemoteDisconnected
from io import BufferedReader
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

from migops.engine.endpoint import Endpoint, resolve
from migops.engine.transport import open_connection
from migops.errors import MigopsError, NoVerdict

API_VERSION = (1, 44)  # what this module speaks; an older engine (20.10 has 1.41) is spoken to in its own version
PROBE_LABEL = "migops.probe"
_PROBE_AGE = 600  # seconds after which a probe is nobody's: reading a folder takes less than one
_SAVE_SILENCE = 900.0  # seconds: overlay2 writes the whole image to its disk before it sends the first byte
_CLEANUP_SILENCE = 5.0
_SETTLE = 0.2  # seconds: an engine that we left in the middle of creating a probe has made it then
_CHUNK = 256 * 1024
_MAX_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class PathStat:
    """What the engine says of a path: ``link`` is where a symlink leads, all links followed inside the root."""

    name: str
    size: int
    link: str
    is_folder: bool = False


class Stream:
    """The body of an answer, as it comes. A connection that breaks or falls silent is ``NoVerdict``."""

    def __init__(self, response: HTTPResponse, engine: Engine, what: str) -> None:
        self._file = BufferedReader(response, _CHUNK)
        self._engine = engine
        self._what = what

    def read(self, size: int, /) -> bytes:
        with self._engine.translated(self._what):
            return self._file.read(size)


class Engine:
    """One Docker Engine. ``timeout`` (seconds) is how long it may stay silent. Use it as a context manager."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._idle: list[HTTPConnection] = []
        self._hangs = False
        self._clock = datetime.now(timezone.utc)
        self._version = ""
        self._negotiate()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        while self._idle:
            self._idle.pop().close()

    @property
    def is_local(self) -> bool:
        """Whether the engine is reached through a socket of this machine."""
        return self.endpoint.host.startswith("unix:")

    def image(self, ref: str) -> dict[str, Any]:
        """The engine's inspection of a local image; never pulls. An image it does not have is ``NoVerdict``."""
        with self._answer("GET", f"/images/{quote(ref, safe='/:@')}/json", f"inspecting the image {ref!r}") as answer:
            if answer.status == 404:
                raise NoVerdict(
                    f"The Docker Engine at {self.endpoint.host} has no image {ref!r}.",
                    hint="Build it first (docker compose build), or name another with --image. Nothing was pulled.",
                )
            if answer.status == 400:
                raise MigopsError(f"{ref!r} is not an image name: {self._message(answer)}.")
            inspected: dict[str, Any] = self._json(answer, f"inspecting the image {ref!r}", dict)
            return inspected

    @contextmanager
    def probe(self, image_id: str) -> Iterator[str]:
        """The name of a container of the image that never runs, to read files from. It is gone afterwards."""
        self._sweep()
        name = f"migops-probe-{secrets.token_hex(8)}"
        body = {
            "Image": image_id,
            "Entrypoint": ["/migops-never-started"],  # an image without a command is refused otherwise
            "Cmd": [],
            "Labels": {PROBE_LABEL: "1"},
            "NetworkDisabled": True,
            "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}},
        }
        created = False
        try:
            self._call("POST", f"/containers/create?name={name}", f"creating a probe of {image_id}", body=body)
            created = True
            yield name
        finally:
            self._remove(name)
            if not created:  # the engine may still be at it
                time.sleep(_SETTLE)
                self._remove(name)

    @contextmanager
    def archive(self, container: str, path: str) -> Iterator[tuple[PathStat, Stream] | None]:
        """The tar of ``path`` in a container that does not run, or None where it has no such path."""
        url = f"/containers/{container}/archive?{urlencode({'path': path})}"
        what = f"reading {path!r}"
        with self._answer("GET", url, what) as answer:
            if answer.status < 400:
                stream = Stream(answer, self, what)  # held here: without it the answer would be closed, unread
                yield _stat(answer.headers), stream
            elif answer.status == 404:  # which the engine also says when the container itself has gone
                self._call("GET", f"/containers/{container}/json", "asking for a probe that has gone")
                yield None
            elif (message := self._message(answer)).endswith("not a directory"):  # a file above the path
                yield None
            else:
                raise self._refused(what, message)

    @contextmanager
    def save(self, image_id: str) -> Iterator[Stream]:
        """The image as a ``docker save`` archive. Ask by ID: a name without a tag would save all of its tags."""
        what = f"saving {image_id}"
        with self._answer("GET", f"/images/{quote(image_id, safe=':')}/get", what, silence=_SAVE_SILENCE) as answer:
            self._check(answer, what)
            stream = Stream(answer, self, what)
            yield stream

    def images(self) -> list[dict[str, Any]]:
        """The engine's list of the images that it has, without intermediate ones."""
        with self._answer("GET", "/images/json", "listing images") as answer:
            found = self._json(answer, "listing images", list)
            return [item for item in found if isinstance(item, dict)]

    def history(self, image_id: str) -> list[dict[str, Any]]:
        """The steps that made an image, the last one first. It does not tell which of them made a layer."""
        url = f"/images/{quote(image_id, safe=':')}/history"
        with self._answer("GET", url, f"reading the history of {image_id}") as answer:
            found = self._json(answer, f"reading the history of {image_id}", list)
            return [item for item in found if isinstance(item, dict)]

    def containers(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """The engine's list of all containers, running or not, that carry all the labels."""
        filters = json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})
        url = "/containers/json?" + urlencode({"all": "1", "filters": filters})
        with self._answer("GET", url, "listing containers") as answer:
            found = self._json(answer, "listing containers", list)
            return [item for item in found if isinstance(item, dict)]

    @contextmanager
    def translated(self, what: str) -> Iterator[None]:
        """Turn the many ways in which a connection fails into ``NoVerdict``, naming the engine."""
        host = self.endpoint.host
        try:
            yield
        except TimeoutError as error:
            self._hangs = True
            raise NoVerdict(
                f"The Docker Engine at {host} did not answer within {self._timeout:g} s ({what}).",
                hint="It hangs or is overloaded: look with `docker info`, restart it, or raise --timeout.",
            ) from error
        except (OSError, HTTPException) as error:
            reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
            raise NoVerdict(
                f"The connection to the Docker Engine at {host} failed ({what}): {reason}.",
                hint=f"The address comes from {self.endpoint.origin}. Is the engine up, and may you use it?",
            ) from error

    def _negotiate(self) -> None:
        """Agree on a version of the API. One round trip, which also proves that something answers."""
        with self._answer("GET", "/_ping", "first contact", versioned=False) as answer:
            self._check(answer, "first contact")
            newest = _version(answer.headers.get("Api-Version", ""))
            if newest is None:
                raise NoVerdict(f"What answers at {self.endpoint.host} is no Docker Engine.")
            with self.translated("first contact"):
                answer.read()
            with contextlib.suppress(TypeError, ValueError):
                self._clock = parsedate_to_datetime(answer.headers.get("Date", ""))
        self._version = "/v" + ".".join(map(str, min(newest, API_VERSION)))

    @contextmanager
    def _answer(
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
        with self.translated(what):
            connection, answer = self._request(method, url, data, headers, silence or self._timeout)
        try:
            yield answer
        except BaseException:
            connection.close()
            raise
        if answer.isclosed() and not answer.will_close:
            self._idle.append(connection)
        else:
            connection.close()

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

    def _call(self, method: str, path: str, what: str, *, silence: float | None = None, **options: Any) -> None:
        with self._answer(method, path, what, silence=silence, **options) as answer:
            self._check(answer, what)
            with self.translated(what):
                answer.read()

    def _json(self, answer: HTTPResponse, what: str, kind: type) -> Any:
        self._check(answer, what)
        with self.translated(what):
            text = answer.read()
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, kind):
            raise NoVerdict(f"What answers at {self.endpoint.host} is no Docker Engine ({what}).")
        return value

    def _check(self, answer: HTTPResponse, what: str) -> None:
        """Refuse an answer that is an error."""
        if answer.status >= 400:
            raise self._refused(what, self._message(answer))

    def _refused(self, what: str, message: str) -> NoVerdict:
        return NoVerdict(f"The Docker Engine at {self.endpoint.host} refused ({what}): {message}.")

    def _message(self, answer: HTTPResponse) -> str:
        with self.translated("reading an error"):
            text = answer.read(_MAX_MESSAGE).decode("utf-8", "replace").strip()
        with contextlib.suppress(ValueError, KeyError, TypeError):
            text = str(json.loads(text)["message"])
        return text.rstrip(".") or f"status {answer.status}"

    def _sweep(self) -> None:
        """Remove what runs that were killed have left behind."""
        for found in self.containers({PROBE_LABEL: "1"}):
            age = self._clock.timestamp() - float(found.get("Created") or 0)
            if found.get("State") == "created" and age > _PROBE_AGE:
                self._remove(str(found.get("Id")))

    def _remove(self, container: str) -> None:
        """Remove a probe with its anonymous volumes. Where that fails, a later run sweeps it."""
        silence = min(self._timeout, 1.0 if self._hangs else _CLEANUP_SILENCE)
        with contextlib.suppress(NoVerdict):
            self._call("DELETE", f"/containers/{container}?v=1&force=1", "removing a probe", silence=silence)


def connect(timeout: float = 20.0, environment: Mapping[str, str] | None = None) -> Engine:
    """Connect to the engine that the docker CLI would use, see ``endpoint.resolve``. Use it as a context manager.

    Raises ``NoVerdict`` where it cannot be reached, does not answer within ``timeout`` seconds or is no Docker Engine.
    """
    return Engine(resolve(os.environ if environment is None else environment), timeout)


def _version(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _stat(headers: Message) -> PathStat:
    try:
        stat = json.loads(base64.b64decode(headers.get("X-Docker-Container-Path-Stat", "")))
        is_folder = bool(int(stat["mode"]) >> 31 & 1)  # as Go writes file modes
        return PathStat(str(stat["name"]), int(stat["size"]), str(stat.get("linkTarget") or ""), is_folder)
    except (KeyError, ValueError, TypeError) as error:
        raise NoVerdict("The Docker Engine's answer for a path lacks its description.") from error
