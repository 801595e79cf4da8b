"""Ownership of the disposable servers' containers and networks by a label, and the removal of those of killed runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from migops.core.errors import Unavailable
from migops.docker import Engine, execs, making
from migops.docker.containers import name_of
from migops.state.process import Life, known, ourselves
from migops.state.signals import held_back as held_back
from migops.state.signals import unhurried as unhurried

LABEL = "migops.sandbox"
"""Label of every container and network of a disposable server; its value is the process that created it."""
NAMES = "migops-sandbox-"
"""The beginning of the names of sandbox projects, and so of the images that are built for them."""
_FOREIGN = 24 * 3600.0  # seconds after which the property of a process that is not known here is considered stale


def labels() -> dict[str, str]:
    """The label for everything that this process creates."""
    return {LABEL: json.dumps(ourselves().record())}


def sweep(engine: Engine) -> list[str]:
    """Remove containers, networks, volumes and trial images of processes that are gone; return their names."""
    gone = []
    for found in making.containers(engine, LABEL):
        if _is_stale(found.get("Labels") or {}, float(found.get("Created") or 0), engine) and execs.remove(
            engine, str(found["Id"])
        ):
            gone.append(name_of(found))
    for network in making.networks(engine, LABEL):
        made = datetime.fromisoformat(f"{str(network.get('Created'))[:19]}+00:00").timestamp()
        if _is_stale(network.get("Labels") or {}, made, engine):
            with suppress(Unavailable):  # a container is still attached to it
                making.remove_network(engine, str(network["Id"]))
                gone.append(str(network.get("Name")))
    gone += _sweep_volumes(engine)
    return gone + _sweep_images(engine)


def _sweep_volumes(engine: Engine) -> Iterator[str]:
    for volume in making.volumes(engine, LABEL):
        made = datetime.fromisoformat(f"{str(volume.get('CreatedAt'))[:19]}+00:00").timestamp()
        if _is_stale(volume.get("Labels") or {}, made, engine):
            with suppress(Unavailable):  # a container still uses it
                making.remove_volume(engine, str(volume["Name"]))
                yield str(volume["Name"])


def _sweep_images(engine: Engine) -> list[str]:
    gone = []
    for image in engine.images():
        labels, made = image.get("Labels") or {}, float(image.get("Created") or 0)
        for tag in image.get("RepoTags") or () if LABEL in labels and _is_stale(labels, made, engine) else ():
            if str(tag).startswith(NAMES):
                with suppress(Unavailable):
                    making.remove_image(engine, str(tag))
                    gone.append(str(tag))
    return gone


def _is_stale(labels: Mapping[str, str], created: float, engine: Engine) -> bool:
    try:
        record: Any = json.loads(labels.get(LABEL, ""))
    except ValueError:
        return False
    who = known(record if isinstance(record, dict) else {})
    old = engine.http.clock.timestamp() - created > _FOREIGN
    return who.life is Life.GONE or (who.life is Life.UNKNOWN and old)
