"""Resolves host names in the containers of a service: to services of the project, or to hosts elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from migops.compose import Project, Service

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MACHINE = ("host.docker.internal", "gateway.docker.internal", "host-gateway")
ENGINE_HOST = "(the engine's host)"
"""Stands for every name of the engine's own machine."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The destination of a host name."""

    services: frozenset[str]
    """Services of the project; several can share a name."""
    elsewhere: str = ""
    """Otherwise a host outside of the project: a name or an address."""


def services_of(project: Project) -> dict[str, Service]:
    """All services of a project, also of disabled profiles, since their containers may be running."""
    return {**project.inactive, **project.services}


def destination(host: str, client: Service, project: Project) -> Destination:
    """The destination of a name in a client's containers."""
    name = host.lower().rstrip(".")
    shared = _namespace(client)
    if shared and shared in services_of(project):
        inside = {shared} | {each.name for each in services_of(project).values() if _namespace(each) == shared}
        if name in _LOOPBACK:
            return Destination(frozenset(inside - {client.name}))
        return destination(host, services_of(project)[shared], project)
    if name in _LOOPBACK:
        if client.raw.get("network_mode") == "host":
            return Destination(frozenset(), ENGINE_HOST)
        sharing = {each.name for each in services_of(project).values() if _namespace(each) == client.name}
        return Destination(frozenset(sharing), client.name)
    for key, to in _written(client):
        if key == name:
            return Destination(frozenset(), ENGINE_HOST if to in _MACHINE else to)
    if name in _MACHINE:
        return Destination(frozenset(), ENGINE_HOST)
    for alias, to in _links(client):
        if alias == name:
            return Destination(frozenset(each.name for each in services_of(project).values() if _is(to, each, project)))
    reached = services_of(project).values()
    services = frozenset(
        each.name for each in reached if name in _names(each, client) or _answers(name, each, client, project)
    )
    return Destination(services, "" if services else name)


def _namespace(service: Service) -> str:
    """The service whose network namespace this one shares; empty if it has its own."""
    mode = str(service.raw.get("network_mode") or "")
    return mode.removeprefix("service:") if mode.startswith("service:") else ""


def _written(service: Service) -> Iterator[tuple[str, str]]:
    for each in service.raw.get("extra_hosts") or ():
        name, _, address = re.sub(r"[=:]", "=", str(each), count=1).partition("=")
        yield name.lower(), address.strip("[]")


def _links(service: Service) -> Iterator[tuple[str, str]]:
    """Aliases that are valid in this service only, with the service or container of each."""
    for each in (*(service.raw.get("links") or ()), *(service.raw.get("external_links") or ())):
        to, _, alias = str(each).partition(":")
        yield (alias or to).lower(), to


def _names(other: Service, client: Service) -> set[str]:
    """A service's names in the networks that it shares with the client."""
    joined = other.raw.get("networks") or dict.fromkeys(other.networks)
    shared = {*joined} & {*client.networks}
    if not shared:
        return set()
    aliases = {str(alias) for key in shared for alias in (joined.get(key) or {}).get("aliases") or ()}
    return {each.lower() for each in (other.name, other.container_name, other.raw.get("hostname"), *aliases) if each}


def _answers(name: str, other: Service, client: Service, project: Project) -> bool:
    """True if the name is one of the service's containers, or its fixed address, in a shared network."""
    joined = other.raw.get("networks") or dict.fromkeys(other.networks)
    shared = {*joined} & {*client.networks}
    fixed = {str((joined.get(key) or {}).get(kind)) for key in shared for kind in ("ipv4_address", "ipv6_address")}
    return bool(shared) and (name in fixed or _is(name, other, project))


def _is(name: str, service: Service, project: Project) -> bool:
    """True if a name is the service's own, or one that compose gives its containers."""
    made = re.fullmatch(rf"{re.escape(project.name)}[-_]{re.escape(service.name)}[-_]\d+", name)
    return name in (service.name, service.container_name) or made is not None
