"""The one door to the Docker Engine.

The Docker SDK gives the connection (sockets, TLS, ssh); the few requests that migops makes are written here, since the
SDK's own calls know neither the end of a cut stream nor a negotiated version within one round trip.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

from migops.endpoint import Endpoint, resolve
from migops.errors import NoVerdict

API_VERSION = (1, 44)  # what this module speaks; an older engine (20.10 has 1.41) is spoken to in its own version
PROBE_LABEL = "migops.probe"
_PROBE_AGE = 600  # seconds after which a probe is nobody's: reading a folder takes less than one
_SAVE_SILENCE = 900.0  # seconds: overlay2 writes the whole image to its disk before it sends the first byte
_CLEANUP_SILENCE = 5.0
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class PathStat:
    """What the engine says of a path: ``link`` is where a symlink leads, all links followed inside the root."""

    name: str
    size: int
    link: str


class Stream:
    """The body of an answer, as it comes. A connection that breaks or falls silent is ``NoVerdict``."""

    def __init__(self, response: Any, engine: Engine, what: str) -> None:
        self._response = response
        self._engine = engine
        self._what = what

    def read(self, size: int, /) -> bytes:
        with self._engine.translated(self._what):
            data: bytes = self._response.raw.read(size, decode_content=False)
            return data


class Engine:
    """A connection to one Docker Engine. ``timeout`` (seconds) is how long it may stay silent."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._session = _session(endpoint, timeout)
        self._clock = datetime.now(timezone.utc)
        self._version = ""
        self._negotiate()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()

    @property
    def is_local(self) -> bool:
        """Whether the engine is reached through a socket of this machine."""
        return self.endpoint.host.startswith("unix:")

    def image(self, ref: str) -> dict[str, Any]:
        """The engine's inspection of a local image; never pulls. An image it does not have is ``NoVerdict``."""
        with self._answer("GET", f"/images/{quote(ref, safe='/:@')}/json", f"inspecting the image {ref!r}") as answer:
            if answer.status_code == 404:
                raise NoVerdict(
                    f"The Docker Engine at {self.endpoint.host} has no image {ref!r}.",
                    hint="Build it first (docker compose build), or name another with --image. Nothing was pulled.",
                )
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
        try:
            self._call("POST", f"/containers/create?name={name}", f"creating a probe of {image_id}", json=body)
            yield name
        finally:
            self._remove(name)

    @contextmanager
    def archive(self, container: str, path: str) -> Iterator[tuple[PathStat, Stream] | None]:
        """The tar of ``path`` in a container that does not run, or None where it has no such path."""
        url = f"/containers/{container}/archive?{urlencode({'path': path})}"
        what = f"reading {path!r}"
        with self._answer("GET", url, what) as answer:
            if answer.status_code < 400:
                yield _stat(answer.headers), Stream(answer, self, what)
            elif answer.status_code == 404:  # which the engine also says when the container itself has gone
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
            yield Stream(answer, self, what)

    def containers(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """The engine's list of all containers, running or not, that carry all the labels."""
        filters = json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})
        url = "/containers/json?" + urlencode({"all": "1", "filters": filters})
        with self._answer("GET", url, "listing containers") as answer:
            found = self._json(answer, "listing containers", list)
            return [item for item in found if isinstance(item, dict)]

    @contextmanager
    def translated(self, what: str) -> Iterator[None]:
        """Turn the SDK's many ways to fail into ``NoVerdict``, naming the engine."""
        import requests
        import urllib3

        host = self.endpoint.host
        try:
            yield
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            cause = _innermost(error)
            if isinstance(cause, TimeoutError) or "timed out" in str(error):
                raise NoVerdict(
                    f"The Docker Engine at {host} did not answer within {self._timeout:g} s ({what}).",
                    hint="It hangs or is overloaded: look with `docker info`, restart it, or raise --timeout.",
                ) from error
            reason = (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).rstrip(".")
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
            with contextlib.suppress(KeyError, ValueError):
                self._clock = parsedate_to_datetime(answer.headers["Date"])
        self._version = "/v" + ".".join(map(str, min(newest, API_VERSION)))

    @contextmanager
    def _answer(
        self, method: str, path: str, what: str, *, silence: float | None = None, versioned: bool = True, **options: Any
    ) -> Iterator[Any]:
        """The answer to one request, its body not read yet."""
        url = self._session.base_url + (self._version if versioned else "") + path
        with self.translated(what):
            answer = self._session.request(method, url, timeout=silence or self._timeout, stream=True, **options)
        try:
            yield answer
        finally:
            answer.close()

    def _call(self, method: str, path: str, what: str, *, silence: float | None = None, **options: Any) -> None:
        with self._answer(method, path, what, silence=silence, **options) as answer:
            self._check(answer, what)

    def _json(self, answer: Any, what: str, kind: type) -> Any:
        self._check(answer, what)
        with self.translated(what):
            text = answer.content
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, kind):
            raise NoVerdict(f"What answers at {self.endpoint.host} is no Docker Engine ({what}).")
        return value

    def _check(self, answer: Any, what: str) -> None:
        if answer.status_code >= 400:
            raise self._refused(what, self._message(answer))

    def _refused(self, what: str, message: str) -> NoVerdict:
        return NoVerdict(f"The Docker Engine at {self.endpoint.host} refused ({what}): {message}.")

    def _message(self, answer: Any) -> str:
        with self.translated("reading an error"):
            text = answer.raw.read(64 * 1024, decode_content=True)
        try:
            return str(json.loads(text)["message"]).rstrip(".")
        except (ValueError, KeyError, TypeError):
            return f"status {answer.status_code}"

    def _sweep(self) -> None:
        """Remove what runs that were killed have left behind."""
        for found in self.containers({PROBE_LABEL: "1"}):
            age = self._clock.timestamp() - float(found.get("Created") or 0)
            if found.get("State") == "created" and age > _PROBE_AGE:
                self._remove(str(found.get("Id")))

    def _remove(self, container: str) -> None:
        """Remove a probe with its anonymous volumes. Where that fails, a later run sweeps it."""
        silence = min(self._timeout, _CLEANUP_SILENCE)
        with contextlib.suppress(NoVerdict):
            self._call("DELETE", f"/containers/{container}?v=1&force=1", "removing a probe", silence=silence)


def connect(timeout: float = 20.0, environment: Mapping[str, str] | None = None) -> Engine:
    """Connect to the engine that the docker CLI would use, see ``endpoint.resolve``. Use it as a context manager.

    Raises ``NoVerdict`` where it cannot be reached, does not answer within ``timeout`` seconds or is no Docker Engine.
    """
    return Engine(resolve(os.environ if environment is None else environment), timeout)


def _session(endpoint: Endpoint, timeout: float) -> Any:
    from docker.api.client import APIClient
    from docker.errors import DockerException

    try:
        session = APIClient(
            base_url=endpoint.host, version="1.24", timeout=timeout, tls=_tls(endpoint), use_ssh_client=True
        )
    except (DockerException, OSError, ValueError) as error:
        hint = "pip install 'docker[ssh]'" if endpoint.host.startswith("ssh:") else f"It comes from {endpoint.origin}."
        raise NoVerdict(f"The Docker Engine's address {endpoint.host!r} cannot be used: {error}.", hint=hint) from error
    session.headers["Accept-Encoding"] = "identity"  # the engine would compress tars, which costs more than it saves
    return session


def _tls(endpoint: Endpoint) -> Any:
    from docker.tls import TLSConfig

    if not endpoint.tls or endpoint.certificates is None:
        return False
    cert, key, ca = (_file(endpoint.certificates, name) for name in ("cert.pem", "key.pem", "ca.pem"))
    return TLSConfig(client_cert=(cert, key) if cert and key else None, ca_cert=ca, verify=endpoint.verify)


def _file(folder: Path, name: str) -> str | None:
    return str(folder / name) if (folder / name).is_file() else None


def _version(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _stat(headers: Mapping[str, str]) -> PathStat:
    try:
        stat = json.loads(base64.b64decode(headers["X-Docker-Container-Path-Stat"]))
        return PathStat(str(stat["name"]), int(stat["size"]), str(stat.get("linkTarget") or ""))
    except (KeyError, ValueError, TypeError) as error:
        raise NoVerdict("The Docker Engine's answer for a path lacks its description.") from error


def _innermost(error: BaseException) -> BaseException:
    """The first cause, which is the one that says something."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
