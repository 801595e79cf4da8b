"""Turns inspected containers into a compose file that creates them again: the definition for the way back.

The compose file may have been edited before migops runs, and compose keeps no copy of the old one. The engine knows
what each container was created from, so the definition is derived from that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migops.commands.deploy import definition_host, definition_mounts
from migops.commands.deploy.definition_mounts import Injected
from migops.docker import compose_labels
from migops.docker.containers import name_of

Inspected = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Old:
    """One service as it ran: its containers as inspected, the first is the model for all. ``image`` is what the new
    containers are created from (a name or an ID), ``image_config`` the image's own Config. ``injected`` are the files
    that compose had copied into the container (secrets and configs that are not files of the host)."""

    service: str
    image: str
    containers: tuple[Inspected, ...] = field(repr=False)
    image_config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    injected: tuple[Injected, ...] = field(default=(), repr=False)

    @property
    def model(self) -> Inspected:
        return self.containers[0]


def document(project: str, services: Sequence[Old], extension: Mapping[str, Any]) -> dict[str, Any]:
    """The compose file (to be written as JSON) that creates the services again. ``extension`` is its ``x-migops``."""
    owners = {str(each["Id"]): old.service for old in services for each in old.containers}
    networks, volumes, configs = dict[str, Any](), dict[str, Any](), dict[str, Any]()
    services_by_name = {}
    for old in services:
        service = {"image": old.image, **_config(old), **definition_host.settings(old.model, owners)}
        service |= _attached(old, networks)
        service |= definition_mounts.mounts(old.model, volumes, alone=len(old.containers) == 1)
        service |= definition_mounts.configs(old.service, old.injected, configs)
        services_by_name[old.service] = service
    parts = {"services": services_by_name, "networks": networks, "volumes": volumes, "configs": configs}
    escaped: dict[str, Any] = _escaped({key: value for key, value in parts.items() if value})
    return {"name": project, **escaped, "x-migops": _escaped(extension)}


def text(made: Mapping[str, Any]) -> str:
    """The compose file as it is written; JSON is YAML."""
    return json.dumps(made, indent=1) + "\n"


def inexpressible(old: Old) -> tuple[str, ...]:
    """Settings of the containers that a compose file cannot express, by the engine's names for them."""
    unset = [each for each in old.model["Config"].get("Env") or () if "=" not in each]
    return (
        *(f"Env {name} (removed from the image's)" for name in unset),
        *definition_host.inexpressible(old.model), *definition_mounts.inexpressible(old.model),
    )  # fmt: skip


def own_labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Labels without those that compose sets itself."""
    return {key: value for key, value in (labels or {}).items() if not key.startswith(compose_labels.PREFIX)}


def own_hostname(inspected: Inspected) -> str:
    """The host name that somebody has chosen; '' for the one that the engine makes of the container's ID.

    Older engines keep the first 12 digits of the ID of the container that was recreated.
    """
    host = inspected["HostConfig"]
    if shares_network(inspected) or host.get("UTSMode") == "host":
        return ""  # it has the other's name
    name = str(inspected["Config"].get("Hostname") or "")
    return "" if re.fullmatch(r"[0-9a-f]{12}", name) else name


def shares_network(inspected: Inspected) -> bool:
    """Whether it has the network of another container: then it may have neither a name nor ports of its own."""
    return str(inspected["HostConfig"].get("NetworkMode") or "").startswith("container:")


def own_aliases(inspected: Inspected, endpoint: Mapping[str, Any]) -> list[str]:
    """The aliases in a network that the definition names: not the service's, the container's own name or its ID."""
    service = compose_labels.service_of(inspected)
    given = {service, name_of(inspected), str(inspected["Id"])[:12]}
    return sorted({str(each) for each in endpoint.get("Aliases") or ()} - given)


def is_default_name(inspected: Inspected) -> bool:
    """Whether the container's name is the one that compose (2, or 1 with its underscores) makes up."""
    names = (compose_labels.PROJECT, compose_labels.SERVICE, compose_labels.NUMBER)
    parts = [compose_labels.read(inspected, name) for name in names]
    return name_of(inspected) in ("-".join(parts), "_".join(parts))


def _config(old: Old) -> dict[str, Any]:
    """What ``Config`` holds: process, environment, labels, health check."""
    config = old.model["Config"]
    found = {
        "environment": dict(each.split("=", 1) for each in config.get("Env") or () if "=" in each),
        "labels": own_labels(config.get("Labels")), "user": config.get("User"),
        "working_dir": config.get("WorkingDir"), "hostname": own_hostname(old.model),
        "domainname": config.get("Domainname"), "tty": config.get("Tty"), "stdin_open": config.get("OpenStdin"),
        "stop_signal": config.get("StopSignal"), "mac_address": config.get("MacAddress"),
        "expose": [] if shares_network(old.model) else sorted(config.get("ExposedPorts") or ()),
        "container_name": "" if is_default_name(old.model) else name_of(old.model),
    }  # fmt: skip
    result: dict[str, Any] = {key: value for key, value in found.items() if value}
    if config.get("StopTimeout") is not None:
        result["stop_grace_period"] = f"{config['StopTimeout']}s"
    return result | dict(_process(config, old.image_config)) | _healthcheck(config.get("Healthcheck"))


def _process(config: Mapping[str, Any], image: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Entrypoint and command, also where the container has none although its image does."""
    for key, name in (("Entrypoint", "entrypoint"), ("Cmd", "command")):
        if config.get(key) or image.get(key):
            yield name, list(config.get(key) or ())


def _healthcheck(check: Mapping[str, Any] | None) -> dict[str, Any]:
    if not check or not check.get("Test"):
        return {}
    if check["Test"] == ["NONE"]:
        return {"healthcheck": {"disable": True}}
    times = {
        "interval": "Interval", "timeout": "Timeout", "start_period": "StartPeriod", "start_interval": "StartInterval"
    }  # fmt: skip
    found = {name: f"{check[key]}ns" for name, key in times.items() if check.get(key)}
    retries = {"retries": check["Retries"]} if check.get("Retries") else {}
    return {"healthcheck": {"test": list(check["Test"]), **found, **retries}}


def _attached(old: Old, networks: dict[str, Any]) -> dict[str, Any]:
    """The networks that the containers are on, each by its real name: they exist already."""
    mode = str(old.model["HostConfig"].get("NetworkMode") or "default")
    if mode in ("none", "host", "bridge", "default") or mode.startswith("container:"):
        return {}  # `definition_host` has it as network_mode
    attachments: dict[str, Any] = {}
    for name, endpoint in (old.model["NetworkSettings"].get("Networks") or {}).items():
        key = f"network-{len(networks) + 1}"
        key = next((known for known, each in networks.items() if each["name"] == name), key)
        networks[key] = {"name": name, "external": True}
        address = endpoint.get("IPAMConfig") or {}
        said = {
            "aliases": own_aliases(old.model, endpoint), "ipv4_address": address.get("IPv4Address"),
            "ipv6_address": address.get("IPv6Address"), "link_local_ips": address.get("LinkLocalIPs"),
            "priority": 1000 if mode in (name, endpoint.get("NetworkID")) else 0,
        }  # fmt: skip
        attachments[key] = {word: value for word, value in said.items() if value} or None
    links = [link for each in old.model["NetworkSettings"]["Networks"].values() for link in each.get("Links") or ()]
    return {"networks": attachments, **({"external_links": list(dict.fromkeys(links))} if links else {})}


def _escaped(value: Any) -> Any:
    """The same with every dollar doubled: the definition is interpolated when compose reads it."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _escaped(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(each) for each in value]
    return value
