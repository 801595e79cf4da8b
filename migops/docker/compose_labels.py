"""The labels by which docker compose knows its containers: their names, and readers of them.

A container is given as a row of the engine's list, or as its inspection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREFIX = "com.docker.compose."
PROJECT, SERVICE = f"{PREFIX}project", f"{PREFIX}service"
ONE_OFF = f"{PREFIX}oneoff"  # True: started by `docker compose run`
NUMBER = f"{PREFIX}container-number"
HOOK = f"{PREFIX}hook"  # of a container of ``pre_start``; one that has failed is kept by compose
CONFIG_HASH = f"{PREFIX}config-hash"
REPLACES = f"{PREFIX}replace"  # the ID or name of the container whose place a new one is to take

NONE: Mapping[str, str] = {PROJECT: "", SERVICE: ""}
"""An image that compose built hands its labels on: without these, a probe would pass for a container of the service."""


def filters(project: str, service: str | None = None, *, one_offs: bool = True) -> dict[str, str]:
    """The labels of a project's containers, or of one service's; with ``one_offs=False``, of the lasting ones only."""
    labels = {PROJECT: project}
    if service is not None:
        labels[SERVICE] = service
    return labels if one_offs else {**labels, ONE_OFF: "False"}


def read(container: Mapping[str, Any], label: str) -> str:
    """The value of a label; '' if the container does not have it."""
    labels = container.get("Labels") or (container.get("Config") or {}).get("Labels") or {}
    return str(labels.get(label) or "")


def service_of(container: Mapping[str, Any]) -> str:
    """The service's name; '' for a container that is not compose's."""
    return read(container, SERVICE)


def is_hook(container: Mapping[str, Any]) -> bool:
    """True for a container of a service's ``pre_start``, which is no container of the service."""
    return bool(read(container, HOOK))


def is_one_off(container: Mapping[str, Any]) -> bool:
    """True if `docker compose run` started it."""
    return read(container, ONE_OFF) == "True"
