"""Who is connected to the database, or would be: what has to stop while another one takes its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migops.compose import Project, Service
from migops.database import DatabaseUrl, parse_url
from migops.engine import Engine
from migops.errors import MigopsError
from migops.places.database_address import LABEL, is_one_off, service_of


@dataclass(frozen=True, slots=True)
class Container:
    """A running container of a service of the project."""

    id: str
    name: str
    service: str


def containers(
    engine: Engine, project: Project, server: str, url: DatabaseUrl, sure: Collection[str], addresses: Collection[str]
) -> tuple[Container, ...]:
    """The running containers that use the database, but for the server's own, in order of their names.

    Those of the services in ``sure``, those that are connected from one of the ``addresses``, and those whose
    environment leads to the database. A one-off is somebody's command, and is left alone. ``server`` is the server's
    service ('': none), ``url`` the database's as a service has it.
    """
    uses = {*sure, *(each.name for each in project.services.values() if leads_there(project, each, server, url))}
    found = []
    for each in engine.containers({f"{LABEL}project": project.name}):
        service = str((each.get("Labels") or {}).get(f"{LABEL}service", ""))
        if each.get("State") != "running" or is_one_off(each) or service == server:
            continue
        if service in uses or any(address in addresses for address in _addresses(each)):
            name = str((each.get("Names") or ["?"])[0]).lstrip("/")
            found.append(Container(str(each["Id"]), name, service))
    return tuple(sorted(found, key=lambda each: each.name))


def strangers(engine: Engine, project: str, sessions: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """In words, the sessions that come from no container of the project, by their addresses and names."""
    ours = {address for each in engine.containers({f"{LABEL}project": project}) for address in _addresses(each)}
    return tuple(
        sorted(
            {f"{name or 'a session without a name'} from {at or 'a socket'}" for at, name in sessions if at not in ours}
        )
    )


def leads_there(project: Project, service: Service, server: str, url: DatabaseUrl) -> bool:
    """Whether a service's environment has a URL of the database, or names both its host and it."""

    def same(host: str) -> bool:
        return host == url.host or (bool(server) and service_of(host, project) == server)

    if service.name == server:
        return False
    values = [value for value in service.environment.values() if value]
    if any(map(same, values)) and url.url.database in values:
        return True
    for value in values:
        if "://" in value:
            try:
                found = parse_url(value)
            except MigopsError:
                continue
            if same(found.host) and found.url.database == url.url.database:
                return True
    return False


def _addresses(listed: Mapping[str, Any]) -> Iterator[str]:
    for network in ((listed.get("NetworkSettings") or {}).get("Networks") or {}).values():
        for key in ("IPAddress", "GlobalIPv6Address"):
            if address := (network or {}).get(key):
                yield str(address)
