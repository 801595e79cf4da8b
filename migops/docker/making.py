"""Networks and containers of our own making: created, filled, started, listened to, waited for.

``execs`` has what stops and removes a container."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from migops.core.errors import Unavailable
from migops.docker.client import NOT_COMPOSES, Engine
from migops.docker.execs import SILENCE, pieces


def create_network(engine: Engine, name: str, labels: Mapping[str, str], *, internal: bool = True) -> None:
    """Make a bridge network; from an ``internal`` one nothing outside of it is reached."""
    body = {"Name": name, "Driver": "bridge", "Internal": internal, "CheckDuplicate": True, "Labels": dict(labels)}
    engine.http.call("POST", "/networks/create", f"creating the network {name}", body=body)


def remove_network(engine: Engine, name: str) -> bool:
    """Remove a network; False where there is none."""
    what = f"removing the network {name}"
    with engine.http.answer("DELETE", f"/networks/{quote(name)}", what) as answer:
        if answer.status == 404:
            return False
        engine.http.check(answer, what)
        answer.read()
    return True


def join(engine: Engine, network: str, container: str) -> None:
    """Put a container on one more network."""
    what = f"joining the network {network}"
    engine.http.call("POST", f"/networks/{quote(network)}/connect", what, body={"Container": container})


def networks(engine: Engine, label: str) -> list[dict[str, Any]]:
    """The engine's networks that carry a label of this name, whatever its value."""
    return _listed(engine, "/networks", label)


def containers(engine: Engine, label: str) -> list[dict[str, Any]]:
    """The engine's containers, running or not, that carry a label of this name, whatever its value."""
    return _listed(engine, "/containers/json", label)


def _listed(engine: Engine, path: str, label: str) -> list[dict[str, Any]]:
    query = urlencode({"all": "1", "filters": json.dumps({"label": [label]})})
    what = f"listing objects with the label {label}"
    with engine.http.answer("GET", f"{path}?{query}", what) as answer:
        return [each for each in engine.http.json(answer, what, list) if isinstance(each, dict)]


def create_container(engine: Engine, name: str, body: Mapping[str, Any]) -> None:
    """Make a container of that name, not started. It never passes for one of a compose project."""
    made = {**body, "Labels": {**NOT_COMPOSES, **body.get("Labels", {})}}
    engine.http.call("POST", f"/containers/create?name={quote(name)}", f"creating the container {name}", body=made)


def put(engine: Engine, container: str, files: Mapping[str, bytes], folders: Sequence[str] = ()) -> None:
    """Write files, by their absolute paths, into a container, for everyone to read.

    ``folders`` are those that are to be made; one that exists already would get their owner and mode.
    """
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path in folders:
            folder = tarfile.TarInfo(path.lstrip("/"))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        for path, content in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    what = f"writing files into the container {container}"
    engine.http.call("PUT", f"/containers/{quote(container)}/archive?path=/", what, body=data.getvalue())


def start(engine: Engine, container: str) -> None:
    """Start a container. ``Unavailable`` has the engine's words where it does not: no such program, no such folder,
    …"""
    engine.http.call("POST", f"/containers/{quote(container)}/start", f"starting the container {container}")


@contextmanager
def attached(engine: Engine, container: str) -> Iterator[Iterator[tuple[int, bytes]]]:
    """What a container writes from now on, piece by piece; it ends with the container. Attach first, then start."""
    what = f"attaching to the container {container}"
    url = f"/containers/{quote(container)}/attach?stream=1&stdout=1&stderr=1"
    with engine.http.answer("POST", url, what, silence=SILENCE) as answer:
        if answer.status != 101:
            engine.http.check(answer, what)
        yield pieces(engine, answer, what)


def wait(engine: Engine, container: str) -> int:
    """Wait until a container has ended; its exit code."""
    what = f"waiting for the container {container}"
    with engine.http.answer("POST", f"/containers/{quote(container)}/wait", what, silence=SILENCE) as answer:
        return int(engine.http.json(answer, what, dict)["StatusCode"])


def said(engine: Engine, container: str, lines: int = 20) -> str:
    """The last lines that a container wrote, of both streams; '' where its log cannot be read."""
    what = f"reading the log of the container {container}"
    url = f"/containers/{quote(container)}/logs?stdout=1&stderr=1&tail={lines}"
    try:
        with engine.http.answer("GET", url, what) as answer:
            engine.http.check(answer, what)
            return b"".join(data for _, data in pieces(engine, answer, what)).decode("utf-8", "replace")
    except Unavailable:
        return ""
