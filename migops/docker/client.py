"""A client for the small part of the Docker Engine API that migops needs."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

from migops.core.errors import MigopsError, Unavailable
from migops.core.redaction import learn_environment
from migops.docker import compose_labels
from migops.docker.endpoint import Endpoint, resolve
from migops.docker.http import Http, Stream

PROBE_LABEL = "migops.probe"

_PROBE_AGE = 600  # seconds after which a probe is abandoned: reading a folder takes less than one
_SAVE_SILENCE = 900.0  # seconds: overlay2 writes the whole image to disk before it sends the first byte
_CLEANUP_SILENCE = 5.0
_SETTLE = 0.2  # seconds for an engine to finish creating a probe after an interrupted request


class ImageNotFound(Unavailable):
    """The engine does not have the image. migops never pulls one."""


@dataclass(frozen=True, slots=True)
class PathStat:
    """The engine's stat of a path in a container."""

    name: str
    size: int  # bytes
    link: str  # the final target of a symlink inside the root; '' for other entries
    is_folder: bool = False


class Engine:
    """One Docker Engine, reached through ``http``. Use it as a context manager."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.http.close()

    @property
    def endpoint(self) -> Endpoint:
        """The engine's address, and the setting that names it."""
        return self.http.endpoint

    @property
    def is_local(self) -> bool:
        """True if the engine is reached through a socket of this machine."""
        return self.endpoint.host.startswith("unix:")

    def image(self, ref: str) -> dict[str, Any]:
        """The engine's inspection of a local image. Never pulls. Raises ``ImageNotFound`` for a missing one."""
        with self.http.answer(
            "GET", f"/images/{quote(ref, safe='/:@')}/json", f"inspecting the image {ref!r}"
        ) as answer:
            if answer.status == 404:
                raise ImageNotFound(
                    f"Docker at {self.endpoint.host} has no image {ref!r}",
                    hint="build it first, or name another image; nothing was pulled",
                )
            if answer.status == 400:
                raise MigopsError(f"{ref!r} is not an image name: {self.http.message(answer)}")
            inspected: dict[str, Any] = self.http.json(answer, f"inspecting the image {ref!r}", dict)
            learn_environment((inspected.get("Config") or {}).get("Env") or ())
            return inspected

    @contextmanager
    def probe(self, image_id: str) -> Iterator[str]:
        """Create a container of the image that never runs, for reading files. Yields its name; removed afterwards."""
        self._sweep()
        name = f"migops-probe-{secrets.token_hex(8)}"
        body = {
            "Image": image_id,
            "Entrypoint": ["/migops-never-started"],  # otherwise an image without a command is refused
            "Cmd": [],
            "Labels": {PROBE_LABEL: "1", **compose_labels.NONE},
            "NetworkDisabled": True,
            "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}},
        }
        created = False
        try:
            self.http.call("POST", f"/containers/create?name={name}", f"creating a probe of {image_id}", body=body)
            created = True
            yield name
        finally:
            self._remove(name)
            if not created:  # the engine may still be creating it
                time.sleep(_SETTLE)
                self._remove(name)

    @contextmanager
    def archive(self, container: str, path: str) -> Iterator[tuple[PathStat, Stream] | None]:
        """The tar of ``path`` in a stopped container; None if it has no such path."""
        url = f"/containers/{container}/archive?{urlencode({'path': path})}"
        what = f"reading {path!r}"
        with self.http.answer("GET", url, what) as answer:
            if answer.status < 400:
                stream = Stream(answer, self.http, what)  # keeps the answer open
                yield path_stat(answer.headers), stream
            elif answer.status == 404:  # also if the container itself is gone
                self.http.call("GET", f"/containers/{container}/json", "looking for a probe that is gone")
                yield None
            elif (message := self.http.message(answer)).endswith("not a directory"):  # a parent of the path is a file
                yield None
            else:
                raise self.http.refused(what, message)

    @contextmanager
    def save(self, image_id: str) -> Iterator[Stream]:
        """The image as a ``docker save`` archive. Pass the ID: a name without a tag would save all of its tags."""
        what = f"saving {image_id}"
        with self.http.answer("GET", f"/images/{quote(image_id, safe=':')}/get", what, silence=_SAVE_SILENCE) as answer:
            self.http.check(answer, what)
            stream = Stream(answer, self.http, what)
            yield stream

    def id(self) -> str:
        """The engine's own ID, constant for its data folder."""
        with self.http.answer("GET", "/info", "reading the engine's id") as answer:
            return str(self.http.json(answer, "reading the engine's id", dict).get("ID") or "engine")

    def tag(self, image_id: str, ref: str) -> None:
        """Add a name to an image. A name of another image is moved to it."""
        name, colon, tag = ref.rpartition(":")
        if not colon or "/" in tag:
            name, tag = ref, "latest"
        url = f"/images/{quote(image_id, safe=':')}/tag?{urlencode({'repo': name, 'tag': tag})}"
        self.http.call("POST", url, f"tagging {image_id[:19]} as {ref}")

    def images(self) -> list[dict[str, Any]]:
        """The engine's list of images, without intermediate ones."""
        with self.http.answer("GET", "/images/json", "listing images") as answer:
            listed = self.http.json(answer, "listing images", list)
            return [item for item in listed if isinstance(item, dict)]

    def history(self, image_id: str) -> list[dict[str, Any]]:
        """The build steps of an image, the last one first, without information on their layers."""
        url = f"/images/{quote(image_id, safe=':')}/history"
        with self.http.answer("GET", url, f"reading the history of {image_id}") as answer:
            steps = self.http.json(answer, f"reading the history of {image_id}", list)
            return [item for item in steps if isinstance(item, dict)]

    def containers(self, labels: Mapping[str, str], *, hooks: bool = False) -> list[dict[str, Any]]:
        """The engine's list of all containers, running or not, with all these labels.

        Of a compose project, those of ``pre_start`` are left out unless ``hooks``: they are no containers of a service.
        """
        filters = json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})
        url = "/containers/json?" + urlencode({"all": "1", "filters": filters})
        with self.http.answer("GET", url, "listing containers") as answer:
            listed = self.http.json(answer, "listing containers", list)
        rows = [item for item in listed if isinstance(item, dict)]
        wanted = hooks or compose_labels.PROJECT not in labels
        return [each for each in rows if wanted or not compose_labels.is_hook(each)]

    def _sweep(self) -> None:
        """Remove probes of interrupted runs."""
        for container in self.containers({PROBE_LABEL: "1"}):
            age = self.http.clock.timestamp() - float(container.get("Created") or 0)
            if container.get("State") == "created" and age > _PROBE_AGE:
                self._remove(str(container.get("Id")))

    def _remove(self, container: str) -> None:
        """Remove a probe with its anonymous volumes. After a failure, a later run sweeps it."""
        silence = min(self.http.timeout, 1.0 if self.http.hangs else _CLEANUP_SILENCE)
        with contextlib.suppress(Unavailable):
            self.http.call("DELETE", f"/containers/{container}?v=1&force=1", "removing a probe", silence=silence)


def connect(timeout: float = 20.0, environment: Mapping[str, str] | None = None) -> Engine:
    """Connect to the engine that the docker CLI would use, see ``endpoint.resolve``. Use it as a context manager.

    Raises ``Unavailable`` if it cannot be reached, does not answer within ``timeout`` seconds, or is not a Docker
    Engine.
    """
    return Engine(Http(resolve(os.environ if environment is None else environment), timeout))


def path_stat(headers: Message) -> PathStat:
    """Parse the header with the engine's stat of a path."""
    try:
        stat = json.loads(base64.b64decode(headers.get("X-Docker-Container-Path-Stat", "")))
        is_folder = bool(int(stat["mode"]) >> 31 & 1)  # Go's encoding of file modes
        return PathStat(str(stat["name"]), int(stat["size"]), str(stat.get("linkTarget") or ""), is_folder)
    except (KeyError, ValueError, TypeError) as error:
        raise Unavailable("Docker's answer for a path lacks its description") from error
