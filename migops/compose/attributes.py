"""Attributes that exclude or need each other, which the schema cannot express.

Source: compose-go's ``validation`` package; the messages are compose's.
"""

from __future__ import annotations

from typing import Any

from migops.compose.ports import is_ip
from migops.compose.tree import Map, Mark, Seq, refuse


def check_attributes(document: Map) -> None:
    """Run the checks that need one entry alone. Raises MigopsError for the first violation."""
    for name, volume, mark in _entries(document, "volumes"):
        _check_external(volume, f"volumes.{name}", mark)
    for name, config, mark in _entries(document, "configs"):
        _check_source(config, ("file", "environment", "content"), f"configs.{name}", mark)
    for name, secret, mark in _entries(document, "secrets"):
        _check_source(secret, ("file", "environment"), f"secrets.{name}", mark)
    for name, service, _ in _entries(document, "services"):
        _check_service(name, service)


def _check_external(volume: Map, path: str, mark: Mark) -> None:
    if volume.get("external") is not True:
        return
    for key in volume:
        if key not in ("name", "external") and not key.startswith("x-"):
            raise refuse(f'{path}: conflicting parameters "external" and "{key}" specified', volume.marks[key])


def _check_source(entry: Map, keys: tuple[str, ...], path: str, mark: Mark) -> None:
    given = [key for key in keys if key in entry]
    if len(given) > 1:
        raise refuse(f"{path}: {'|'.join(keys)} attributes are mutually exclusive", entry.marks[given[1]])
    if not given and "driver" not in entry and "external" not in entry:
        raise refuse(f"{path}: one of {'|'.join(keys)} must be set", mark)


def _check_service(name: str, service: Map) -> None:
    for port, _ in _maps(service.get("ports")):
        address = port.get("host_ip")
        if isinstance(address, str) and not is_ip(address):
            raise refuse(f"services.{name}.ports.[]: invalid ip address: {address}", port.marks["host_ip"])
    for watch, _ in _maps(_down(service, "develop", "watch")):
        if watch.get("path") == "":
            raise refuse(f"services.{name}.develop.watch.[].path: value can't be blank", watch.marks["path"])
    steps = ("deploy", "resources", "reservations", "devices")
    for path, devices in ((".".join(steps), _down(service, *steps)), ("gpus", service.get("gpus"))):
        for device, mark in _maps(devices):
            if "count" in device and "device_ids" in device:
                message = '"count" and "device_ids" attributes are exclusive'
                raise refuse(f"services.{name}.{path}.[]: {message}", mark)


def _entries(document: Map, key: str) -> list[tuple[str, Map, Mark]]:
    section = document.get(key)
    if not isinstance(section, Map):
        return []
    return [(name, entry, section.marks[name]) for name, entry in section.items() if isinstance(entry, Map)]


def _maps(value: Any) -> list[tuple[Map, Mark]]:
    return [item for item in value.marked() if isinstance(item[0], Map)] if isinstance(value, Seq) else []


def _down(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Map) else None
    return value
