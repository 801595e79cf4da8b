"""Who is connected to the database, or would be: what has to stop while another one takes its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from migops.commands.backup.clients import Evidence, Server, Usage, Use, usage
from migops.commands.backup.hosts import services_of
from migops.commands.backup.naming import named
from migops.commands.backup.source import Source
from migops.compose import Project
from migops.core.errors import MigopsError
from migops.docker import Engine, compose_labels
from migops.docker.compose_labels import is_one_off, service_of
from migops.docker.containers import inspect, name_of
from migops.sources.database_url import Variables
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Container:
    """A running container of a service of the project; ``why`` it counts as using the database, in words."""

    id: str
    name: str
    service: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Clients:
    """The running containers that use a database, and the services that run and of which it cannot be told."""

    stopping: tuple[Container, ...]
    unsure: tuple[Usage, ...]


def clients(engine: Engine, source: Source, target: Target, project: Project, addresses: Collection[str]) -> Clients:
    """Who uses the source's database, but for its server.

    That is the target's service, whoever is connected from one of the ``addresses``, and whose environment, command or
    depends_on lead to this server and database. A one-off is somebody's command, and is left alone.
    """
    listed = [
        each for each in engine.containers(compose_labels.filters(project.name)) if each.get("State") == "running"
    ]
    server = _server(source, project, [each for each in listed if service_of(each) == source.server])
    stopping, unsure = [], {}
    for each in listed:
        if is_one_off(each) or service_of(each) == source.server:
            continue
        found = _usage(engine, each, server, source, target, addresses)
        if found.use is Use.YES:
            name = name_of(each)
            stopping.append(Container(str(each["Id"]), name, found.service, found.why))
        elif found.use is Use.UNSURE:
            unsure[found.service] = found
    stopped = {each.service for each in stopping}
    return Clients(
        tuple(sorted(stopping, key=lambda each: each.name)),
        tuple(found for name, found in sorted(unsure.items()) if name not in stopped),
    )


def _usage(
    engine: Engine,
    listed: Mapping[str, Any],
    server: Server,
    source: Source,
    target: Target,
    connected: Collection[str],
) -> Usage:
    """What a running container's service has to do with the database."""
    name = service_of(listed)
    if name == target.service:
        return Usage(name, Use.YES, "the service that is restored")
    if any(address in connected for address in _addresses(listed)):
        return Usage(name, Use.YES, "it is connected now")
    config = (inspect(engine, str(listed["Id"])) or {}).get("Config") or {}
    values = dict(str(each).split("=", 1) for each in config.get("Env") or () if "=" in str(each))
    words = [str(each) for key in ("Entrypoint", "Cmd") for each in config.get(key) or ()]
    service = services_of(server.project).get(name)
    if service is None:
        meant = any(each.database == server.database for each in named(values, words))
        return Usage(name, Use.UNSURE if meant else Use.NO, "it is not in the compose file")
    with suppress(MigopsError):  # a secret's file that cannot be read says nothing
        values = {**Variables(server.project, service, values).values(), **values}
    by_image = source.reached.origin.startswith("sqlalchemy.url")
    return usage(service, server, Evidence(values, words, name in target.siblings, by_image))


def _server(source: Source, project: Project, containers: Sequence[Mapping[str, Any]]) -> Server:
    url = source.reached.named
    ports = (port for each in containers for port in each.get("Ports") or ())
    published = {int(port["PublicPort"]) for port in ports if port.get("PublicPort")}
    return Server(
        project, source.service, source.server, url.host, url.port, source.database,
        frozenset(address for each in containers for address in _addresses(each)), frozenset(published),
    )  # fmt: skip


def others(engine: Engine, project: str, sessions: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """In words, the sessions that come from no container of the project, by their addresses and names."""
    ours = {address for each in engine.containers(compose_labels.filters(project)) for address in _addresses(each)}
    return tuple(
        sorted(
            {f"{name or 'a session without a name'} from {at or 'a socket'}" for at, name in sessions if at not in ours}
        )
    )


def _addresses(listed: Mapping[str, Any]) -> Iterator[str]:
    for network in ((listed.get("NetworkSettings") or {}).get("Networks") or {}).values():
        for key in ("IPAddress", "GlobalIPv6Address"):
            if address := (network or {}).get(key):
                yield str(address)
