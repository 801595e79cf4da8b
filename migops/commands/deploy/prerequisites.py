"""What the new containers need before they can start: free ports, folders, files, networks, volumes, names.

Compose stops the old container before it starts the new one, so a port that is taken means that nothing runs. So all of
it is checked in the preflight, and again just before the swap.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from migops.commands.deploy import ports
from migops.commands.deploy.services import DeployedService
from migops.compose import Project, Service
from migops.docker import Engine, compose_labels
from migops.docker.containers import inspect


@dataclass(frozen=True, slots=True)
class Wanted:
    """The services that are to be created, with their number of containers."""

    project: Project
    deployed: Sequence[DeployedService]
    engine: Engine
    scale: Mapping[str, int] = field(default_factory=dict)

    @property
    def services(self) -> list[Service]:
        return [self.project.services[each.name] for each in self.deployed]

    def replicas(self, service: Service) -> int:
        return self.scale.get(service.name, service.replicas)


def lacking(wanted: Wanted) -> list[str]:
    """What stands in the way of the new containers, a sentence each; none where nothing is known to.

    Files, folders and processes are looked at only where the engine runs on this machine.
    """
    here = is_this_host(wanted.engine)
    needs = [(each.name, each, wanted.replicas(each)) for each in wanted.services]
    listed = wanted.engine.containers({})
    sentences = [*ports.occupied(wanted.project.name, needs, listed, ports.listening() if here else ())]
    for service in wanted.services:
        sentences += _names(wanted, service)
        sentences += _external(wanted, service)
        if here:
            sentences += _paths(wanted.project, service)
    return list(dict.fromkeys(sentences))


def is_this_host(engine: Engine) -> bool:
    """Whether the engine's host is the machine that migops runs on, so that paths and ports mean the same to both."""
    if not engine.is_local:
        return False
    what = "asking for the name of the engine's host"
    with engine.http.answer("GET", "/info", what) as answer:
        return bool(engine.http.json(answer, what, dict).get("Name") == socket.gethostname())


def is_missing(path: str) -> bool:
    """Whether there is certainly nothing at the path; False where this user may not look."""
    try:
        os.stat(path)  # noqa: PTH116 - a text of the compose file; only its existence is asked
    except PermissionError:
        return False
    except OSError:
        return True
    return False


def _paths(project: Project, service: Service) -> Iterator[str]:
    for volume in service.raw.get("volumes") or ():
        made = (volume.get("bind") or {}).get("create_host_path")
        if volume.get("type") == "bind" and not made and is_missing(str(volume["source"])):
            yield f"{service.name} mounts {volume['source']}, which does not exist"
    for kind in ("secrets", "configs"):
        for each in service.raw.get(kind) or ():
            path = ((project.resolved.get(kind) or {}).get(each["source"]) or {}).get("file")
            if path and is_missing(str(path)):
                yield f"the file of {service.name}'s {kind[:-1]} {each['source']} does not exist: {path}"
    for device in service.raw.get("devices") or ():
        source = str(device.get("source") if isinstance(device, Mapping) else device).partition(":")[0]
        if source.startswith("/") and is_missing(source):
            yield f"{service.name} needs the device {source}, which does not exist"


def _names(wanted: Wanted, service: Service) -> Iterator[str]:
    """A fixed container name that another container has."""
    if not service.container_name:
        return
    labels = _labels(inspect(wanted.engine, quote(service.container_name)))
    if labels is not None and labels[:2] != (wanted.project.name, service.name):
        yield f"{service.name} is to be called {service.container_name}, and another container has that name"


def _labels(inspected: Mapping[str, Any] | None) -> tuple[str, str] | None:
    if inspected is None:
        return None
    return compose_labels.read(inspected, compose_labels.PROJECT), compose_labels.service_of(inspected)


def _external(wanted: Wanted, service: Service) -> Iterator[str]:
    for key in service.networks:
        network = wanted.project.networks.get(key)
        if network is not None and network.external and not _exists(wanted.engine, "networks", network.name):
            yield f"{service.name} needs the external network {network.name}, which does not exist"
    for mount in service.volumes:
        volume = wanted.project.volumes.get(mount.source) if mount.type == "volume" else None
        if volume is not None and volume.external and not _exists(wanted.engine, "volumes", volume.name):
            yield f"{service.name} needs the external volume {volume.name}, which does not exist"


def _exists(engine: Engine, kind: str, name: str) -> bool:
    what = f"looking for {name} among the {kind}"
    with engine.http.answer("GET", f"/{kind}/{quote(name)}", what) as answer:
        if answer.status == 404:
            return False
        engine.http.check(answer, what)
        answer.read()
    return True
