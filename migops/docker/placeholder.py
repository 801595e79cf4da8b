"""Containers that never run and are made from nothing: the engine gives a name to one of them only."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from migops.core.errors import Unavailable
from migops.docker.client import Engine

_NEVER = ["/migops-never-started"]


def import_empty(engine: Engine, label: str) -> str:
    """Make an image with nothing in it, of no name, that carries the label; its ID. Nothing is fetched for it."""
    data = io.BytesIO()
    tarfile.open(fileobj=data, mode="w").close()
    what = "making an empty image"
    query = urlencode({"fromSrc": "-", "changes": f"LABEL {label}=1"})
    with engine.http.answer("POST", f"/images/create?{query}", what, body=data.getvalue()) as answer:
        engine.http.check(answer, what)
        with engine.http.translated(what):
            text = answer.read().decode("utf-8", "replace")
    said = [json.loads(line) for line in text.splitlines() if line.strip().startswith("{")]
    image_id = str(said[-1].get("status", "")) if said else ""
    if not image_id.startswith("sha256:"):
        raise Unavailable(f"the Docker Engine at {engine.endpoint.host} made no empty image: {text[:200].strip()}")
    return image_id


def create(engine: Engine, name: str, image_id: str, labels: Mapping[str, str]) -> tuple[str, str]:
    """Make a container of that name, which never runs: its ID, '' where it was not made; and why not.

    Why is ``name`` where another container has it, ``image`` where the image has been pruned meanwhile.
    """
    what = f"creating the container {name}"
    body = {
        "Image": image_id, "Entrypoint": _NEVER, "Cmd": [], "Labels": dict(labels), "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}},
    }  # fmt: skip
    with engine.http.answer("POST", f"/containers/create?name={quote(name)}", what, body=body) as answer:
        if answer.status in (404, 409):
            answer.read()
            return "", "name" if answer.status == 409 else "image"
        return str(engine.http.json(answer, what, dict)["Id"]), ""


def remove_unused(engine: Engine, label: str) -> None:
    """Remove the empty images with the label of which no container is made."""
    query = urlencode({"filters": json.dumps({"label": [label], "dangling": ["true"]})})
    with engine.http.answer("GET", f"/images/json?{query}", "listing empty images") as answer:
        found = engine.http.json(answer, "listing empty images", list)
    for each in found:
        path = f"/images/{quote(str(each['Id']), safe=':')}"
        with engine.http.answer("DELETE", path, "removing an empty image") as answer:
            if answer.status not in (404, 409):  # 409: a container is made of it, so it is in use
                engine.http.check(answer, "removing an empty image")
            answer.read()
