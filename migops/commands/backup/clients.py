"""Decides if a service uses a database of a server. Only proof counts as yes or no; anything less is unsure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from migops.commands.backup.hosts import ENGINE_HOST, destination, services_of
from migops.commands.backup.naming import Named, databases, named
from migops.compose import Project, Service

_SERVERS = ("postgres", "postgis", "timescaledb", "pgvector")  # in an image's name
_DATA = "/var/lib/postgresql"


class Use(Enum):
    """Use of the database by a service."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Usage:
    """A service's use of the database."""

    service: str
    use: Use
    why: str = ""
    """The reason, for a sentence."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server and one of its databases."""

    project: Project
    client: str
    """The service that uses the database for certain."""
    service: str
    """The server's service; empty for a server outside of the project, found by ``host`` and ``port``."""
    host: str
    """The server's host name in the client's URL."""
    port: int
    database: str
    addresses: frozenset[str] = frozenset()
    """Network addresses of the server's containers."""
    published: frozenset[int] = frozenset()
    """Their ports on the engine's host."""

    @property
    def label(self) -> str:
        """The server, for a sentence."""
        return self.service or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A service's start: its variables, command and image."""

    values: Mapping[str, str]
    """Its environment."""
    words: Sequence[str] = ()
    """Its entrypoint and command."""
    is_twin: bool = False
    """True if it has the same image as the client."""
    by_image: bool = False
    """True if the client has no URL but the one in its image."""


def usage(client: Service, server: Server, evidence: Evidence) -> Usage:
    """A service's use of the server's database."""
    if client.name == server.service:
        return Usage(client.name, Use.NO, "it is the server")
    uses = [(address, _use(address, client, server)) for address in named(evidence.values, evidence.words)]
    for wanted in (Use.YES, Use.UNSURE):
        for address, use in uses:
            if use is wanted:
                points = "points" if use is Use.YES else "may point"
                return Usage(client.name, use, f"{address.by} {points} to {server.label}")
    for address, _ in uses:
        if address.is_database:
            other = f"{address.host}, database {address.database}" if address.database else address.host
            return Usage(client.name, Use.NO, f"{address.by} points to {other}")
    return _without_a_name(client, server, evidence)


def _use(address: Named, client: Service, server: Server) -> Use:
    """Decide if an address in a service's settings means the server and its database."""
    if address.database is not None and address.database != server.database:
        return Use.NO
    to = destination(address.host, client, server.project)
    if server.service:
        if server.service in to.services:
            return Use.YES if len(to.services) == 1 else Use.UNSURE
        if to.services:
            return Use.NO
        if to.elsewhere in server.addresses:
            return Use.YES
        if to.elsewhere == ENGINE_HOST:
            return Use.YES if _port(address) in server.published else Use.NO
        is_outside = to.elsewhere not in services_of(server.project)
        return Use.UNSURE if is_outside and _may_publish(address, server) else Use.NO
    user = services_of(server.project).get(server.client)
    theirs = destination(server.host, user, server.project).elsewhere if user else server.host.lower()
    if to.services:
        if not any(_publishes(server, name) for name in to.services):
            return Use.NO
        return (
            Use.YES if theirs == ENGINE_HOST else Use.UNSURE
        )  # the server's host may be another name of the engine's host
    if to.elsewhere == client.name:
        return Use.NO
    if to.elsewhere != theirs:
        return Use.UNSURE if address.database is not None and address.is_database else Use.NO
    if _port(address) != server.port:
        return Use.NO
    is_local_name = not re.search(r"[.:(]", theirs)  # a container's name, valid only in a network that both share
    return Use.UNSURE if user and is_local_name and not {*user.networks} & {*client.networks} else Use.YES


def _port(address: Named) -> int:
    return address.port or 5432


def _publishes(server: Server, name: str) -> bool:
    """True if a service publishes the server's port on the engine's host, so that it may be the server."""
    service = services_of(server.project).get(name)
    return service is not None and any(str(port.get("published")) == str(server.port) for port in service.ports)


def _may_publish(address: Named, server: Server) -> bool:
    """True if an unknown host may be the engine's, on which the server publishes this port."""
    return address.is_database and _port(address) in server.published


def _without_a_name(client: Service, server: Server, evidence: Evidence) -> Usage:
    """A service's use if neither a variable nor the command names a server."""
    if server.service in client.depends_on:
        others = [name for name in client.depends_on if name != server.service and _is_server(server.project, name)]
        if not others:
            return Usage(client.name, Use.YES, f"depends_on {server.service}")
        return Usage(client.name, Use.UNSURE, f"depends_on {server.service} and {', '.join(others)}")
    if evidence.is_twin and not any(_is_server(server.project, name) for name in client.depends_on):
        if evidence.by_image:
            return Usage(client.name, Use.YES, f"it has the image of {server.client}, which contains the URL")
        return Usage(client.name, Use.UNSURE, f"it has the image of {server.client}, and nothing names its server")
    if not _is_server(server.project, client.name):
        for variable, value in databases(evidence.values):
            if value == server.database:
                return Usage(client.name, Use.UNSURE, f"{variable} is {value}, and nothing names its server")
    return Usage(client.name, Use.NO)


def _is_server(project: Project, name: str) -> bool:
    """True if a service looks like a PostgreSQL server itself."""
    service = services_of(project).get(name)
    if service is None:
        return False
    image = (service.image or "").partition("@")[0].rpartition("/")[2]
    keeps = any(mount.target.startswith(_DATA) for mount in service.volumes)
    return keeps or (any(word in image for word in _SERVERS) and not service.command and not service.entrypoint)
