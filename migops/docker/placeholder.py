"""Empty containers that never run, used as locks: names are unique on an engine."""

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
    """Create an empty image without a name, with the label. Pulls nothing. Returns its ID."""
    data = io.BytesIO()
    tarfile.open(fileobj=data, mode="w").close()
    what = "making an empty image"
    query = urlencode({"fromSrc": "-", "changes": f"LABEL {label}=1"})
    with engine.http.answer("POST", f"/images/create?{query}", what, body=data.getvalue()) as answer:
        engine.http.check(answer, what)
        with engine.http.translated(what):
            text = answer.read().decode("utf-8", "replace")
    messages = [json.loads(line) for line in text.splitlines() if line.strip().startswith("{")]
    image_id = str(messages[-1].get("status", "")) if messages else ""
    if not image_id.startswith("sha256:"):
        raise Unavailable(f"the Docker Engine at {engine.endpoint.host} made no empty image: {text[:200].strip()}")
    return image_id


def create(engine: Engine, name: str, image_id: str, labels: Mapping[str, str]) -> tuple[str, str]:
    """Create a container of that name, which never runs. Returns its ID and '', or '' and the reason of the failure.

    The reason is ``name`` if another container has the name, ``image`` if the image has been pruned meanwhile.
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
    """Remove the empty images with the label that no container uses."""
    query = urlencode({"filters": json.dumps({"label": [label], "dangling": ["true"]})})
    with engine.http.answer("GET", f"/images/json?{query}", "listing empty images") as answer:
        images = engine.http.json(answer, "listing empty images", list)
    for image in images:
        path = f"/images/{quote(str(image['Id']), safe=':')}"
        with engine.http.answer("DELETE", path, "removing an empty image") as answer:
            if answer.status not in (404, 409):  # 409: in use by a container
                engine.http.check(answer, "removing an empty image")
            answer.read()
