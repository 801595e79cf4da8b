"""One-off containers of runs that were killed: the next run says that they are there, and how they stand."""

from __future__ import annotations

from collections.abc import Iterator

from migops.engine import Engine
from migops.runner.words import LABEL, is_alive

_PROJECT, _SERVICE = "com.docker.compose.project", "com.docker.compose.service"


def leftovers(engine: Engine, project: str, service: str) -> Iterator[str]:
    """A sentence for each one-off container of migops whose migops has gone."""
    for found in engine.containers({_PROJECT: project, _SERVICE: service}):
        label = (found.get("Labels") or {}).get(LABEL)
        if label is None or is_alive(label):
            continue
        name = str((found.get("Names") or [found["Id"][:12]])[0]).lstrip("/")
        command = str(found.get("Command") or "").strip()
        status = str(found.get("Status") or found.get("State"))
        verb = "still runs" if found.get("State") == "running" else "is left"
        look = f"docker logs {name}" if verb == "is left" else f"docker attach --no-stdin {name}"
        yield f"{name} of an earlier run that was killed {verb} ({command}, {status}): {look}; docker rm -f -v {name}"
