"""Creation of networks and containers: create, fill, start, attach, wait.

``execs`` stops and removes containers.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from migops.core.errors import Unavailable
from migops.docker import compose_labels
from migops.docker.client import Engine
from migops.docker.execs import SILENCE, pieces


def create_network(engine: Engine, name: str, labels: Mapping[str, str], *, internal: bool = True) -> None:
    """Create a bridge network. An ``internal`` one has no access to anything outside."""
    body = {"Name": name, "Driver": "bridge", "Internal": internal, "CheckDuplicate": True, "Labels": dict(labels)}
    engine.http.call("POST", "/networks/create", f"creating the network {name}", body=body)


def remove_network(engine: Engine, name: str) -> bool:
    """Remove a network. False if there is none."""
    what = f"removing the network {name}"
    with engine.http.answer("DELETE", f"/networks/{quote(name)}", what) as answer:
        if answer.status == 404:
            return False
        engine.http.check(answer, what)
        answer.read()
    return True


def join(engine: Engine, network: str, container: str) -> None:
    """Connect a container to a further network."""
    what = f"joining the network {network}"
    engine.http.call("POST", f"/networks/{quote(network)}/connect", what, body={"Container": container})


def networks(engine: Engine, label: str) -> list[dict[str, Any]]:
    """The engine's networks with a label of this name, whatever its value."""
    return _listed(engine, "/networks", label)


def containers(engine: Engine, label: str) -> list[dict[str, Any]]:
    """The engine's containers, running or not, with a label of this name, whatever its value."""
    return _listed(engine, "/containers/json", label)


def _listed(engine: Engine, path: str, label: str) -> list[dict[str, Any]]:
    query = urlencode({"all": "1", "filters": json.dumps({"label": [label]})})
    what = f"listing objects with the label {label}"
    with engine.http.answer("GET", f"{path}?{query}", what) as answer:
        return [each for each in engine.http.json(answer, what, list) if isinstance(each, dict)]


def volumes(engine: Engine, label: str) -> list[dict[str, Any]]:
    """The engine's volumes with a label of this name, or of this name and value (``name=value``)."""
    what = f"listing volumes with the label {label}"
    with engine.http.answer(
        "GET", f"/volumes?{urlencode({'filters': json.dumps({'label': [label]})})}", what
    ) as answer:
        return [each for each in engine.http.json(answer, what, dict).get("Volumes") or () if isinstance(each, dict)]


def remove_volume(engine: Engine, name: str) -> None:
    """Remove a volume that no container uses. One that is gone is no error."""
    _remove(engine, f"/volumes/{quote(name)}", f"removing the volume {name}")


def remove_image(engine: Engine, tag: str) -> None:
    """Remove a tag, and the image if it has no other. One that is gone is no error."""
    _remove(engine, f"/images/{quote(tag, safe='/:@')}", f"removing the image {tag}")


def _remove(engine: Engine, path: str, what: str) -> None:
    with engine.http.answer("DELETE", path, what) as answer:
        if answer.status != 404:
            engine.http.check(answer, what)
        answer.read()


def create_container(engine: Engine, name: str, body: Mapping[str, Any]) -> None:
    """Create a container without starting it. Its labels keep it out of any compose project."""
    made = {**body, "Labels": {**compose_labels.NONE, **body.get("Labels", {})}}
    engine.http.call("POST", f"/containers/create?name={quote(name)}", f"creating the container {name}", body=made)


def put(engine: Engine, container: str, files: Mapping[str, bytes], folders: Sequence[str] = ()) -> None:
    """Write files, by absolute path, into a container, readable for everyone.

    ``folders`` are created; an existing one would get the new owner and mode.
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
    """Start a container. Raises ``Unavailable`` with the engine's message: no such program, no such folder, …"""
    engine.http.call("POST", f"/containers/{quote(container)}/start", f"starting the container {container}")


@contextmanager
def attached(engine: Engine, container: str) -> Iterator[Iterator[tuple[int, bytes]]]:
    """The output of a container from now to its end, piece by piece. Attach first, then start."""
    what = f"attaching to the container {container}"
    url = f"/containers/{quote(container)}/attach?stream=1&stdout=1&stderr=1"
    with engine.http.answer("POST", url, what, silence=SILENCE) as answer:
        if answer.status != 101:
            engine.http.check(answer, what)
        yield pieces(engine, answer, what)


def wait(engine: Engine, container: str) -> int:
    """Wait until a container has ended. Returns its exit code."""
    what = f"waiting for the container {container}"
    with engine.http.answer("POST", f"/containers/{quote(container)}/wait", what, silence=SILENCE) as answer:
        return int(engine.http.json(answer, what, dict)["StatusCode"])


def said(engine: Engine, container: str, lines: int = 20) -> str:
    """The last lines of a container's output, of both streams; '' if its log cannot be read."""
    what = f"reading the log of the container {container}"
    url = f"/containers/{quote(container)}/logs?stdout=1&stderr=1&tail={lines}"
    try:
        with engine.http.answer("GET", url, what) as answer:
            engine.http.check(answer, what)
            return b"".join(data for _, data in pieces(engine, answer, what)).decode("utf-8", "replace")
    except Unavailable:
        return ""


def untag(engine: Engine, ref: str) -> bool:
    """Remove a name of an image, and the image if nothing else names or uses it. False if there is none."""
    what = f"removing the image name {ref}"
    with engine.http.answer("DELETE", f"/images/{quote(ref, safe='/:')}?noprune=1", what) as answer:
        if answer.status not in (404, 409):  # 409: a container uses it
            engine.http.check(answer, what)
        answer.read()
        return bool(answer.status == 200)
