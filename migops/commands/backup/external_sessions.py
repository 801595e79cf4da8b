"""Clients of a database: the containers to stop and the sessions to end while another database replaces it."""

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
    """A running container of the project that uses the database."""

    id: str
    name: str
    service: str
    why: str = ""
    """The reason, for a sentence."""


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of a database."""

    stopping: tuple[Container, ...]
    """The containers that use it."""
    unsure: tuple[Usage, ...]
    """The running services that may use it."""


def clients(engine: Engine, source: Source, target: Target, project: Project, addresses: Collection[str]) -> Clients:
    """The clients of the source's database, without its server.

    A service is a client if it is the target's, if it is connected from one of the ``addresses``, or if its
    environment, command or depends_on name this server and database. One-offs are a person's commands, and ignored.
    """
    listed = [
        each for each in engine.containers(compose_labels.filters(project.name)) if each.get("State") == "running"
    ]
    server = _server(source, project, [each for each in listed if service_of(each) == source.server])
    stopping, unsure = [], {}
    for entry in listed:
        if is_one_off(entry) or service_of(entry) == source.server:
            continue
        client = _usage(engine, entry, server, source, target, addresses)
        if client.use is Use.YES:
            name = name_of(entry)
            stopping.append(Container(str(entry["Id"]), name, client.service, client.why))
        elif client.use is Use.UNSURE:
            unsure[client.service] = client
    stopped = {each.service for each in stopping}
    return Clients(
        tuple(sorted(stopping, key=lambda each: each.name)),
        tuple(client for name, client in sorted(unsure.items()) if name not in stopped),
    )


def _usage(
    engine: Engine,
    listed: Mapping[str, Any],
    server: Server,
    source: Source,
    target: Target,
    connected: Collection[str],
) -> Usage:
    """A running container's use of the database."""
    name = service_of(listed)
    if name == target.service:
        return Usage(name, Use.YES, "the service whose database is restored")
    if any(address in connected for address in _addresses(listed)):
        return Usage(name, Use.YES, "it is connected now")
    config = (inspect(engine, str(listed["Id"])) or {}).get("Config") or {}
    values = dict(str(each).split("=", 1) for each in config.get("Env") or () if "=" in str(each))
    words = [str(each) for key in ("Entrypoint", "Cmd") for each in config.get(key) or ()]
    service = services_of(server.project).get(name)
    if service is None:
        meant = any(each.database == server.database for each in named(values, words))
        return Usage(name, Use.UNSURE if meant else Use.NO, "it is not in the compose file")
    with suppress(MigopsError):  # an unreadable secret is no evidence
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
    """The sessions from outside of the project's containers, each by name and address, for a sentence."""
    containers = engine.containers(compose_labels.filters(project), hooks=True)
    ours = {address for each in containers for address in _addresses(each)}
    return tuple(
        sorted({f"{name or 'an unnamed session'} from {at or 'a socket'}" for at, name in sessions if at not in ours})
    )


def _addresses(listed: Mapping[str, Any]) -> Iterator[str]:
    for network in ((listed.get("NetworkSettings") or {}).get("Networks") or {}).values():
        for key in ("IPAddress", "GlobalIPv6Address"):
            if address := (network or {}).get(key):
                yield str(address)
