"""Whether a service uses one database of one server: only what settles it counts, the rest is said to be unsure."""

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
    """Whether a service uses the database."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Usage:
    """What was found of a service, and why, in words."""

    service: str
    use: Use
    why: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """The server and its database. ``service`` is '' for a server elsewhere, which is found by ``host`` and ``port``.

    ``host`` is as ``client`` (a service's name) sees it. ``addresses`` are those of the server's containers in their
    networks, ``published`` their ports on the engine's host.
    """

    project: Project
    client: str
    service: str
    host: str
    port: int
    database: str
    addresses: frozenset[str] = frozenset()
    published: frozenset[int] = frozenset()

    @property
    def label(self) -> str:
        """The server in words."""
        return self.service or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a service starts with: its variables, the words of its command, and whether it is of the same image as the
    client whose database is meant (``is_twin``), with no URL but the one in that image (``by_image``)."""

    values: Mapping[str, str]
    words: Sequence[str] = ()
    is_twin: bool = False
    by_image: bool = False


def usage(client: Service, server: Server, evidence: Evidence) -> Usage:
    """Whether a service uses the server's database."""
    if client.name == server.service:
        return Usage(client.name, Use.NO, "it is the server")
    found = named(evidence.values, evidence.words)
    judged = [(each, _leads(each, client, server)) for each in found]
    for wanted in (Use.YES, Use.UNSURE):
        for each, use in judged:
            if use is wanted:
                may = "leads" if use is Use.YES else "may lead"
                return Usage(client.name, use, f"{each.by} {may} to {server.label}")
    for each, _ in judged:
        if each.is_database:
            other = f"{each.host}, database {each.database}" if each.database else each.host
            return Usage(client.name, Use.NO, f"{each.by} leads to {other}")
    return _without_a_name(client, server, evidence)


def _leads(each: Named, client: Service, server: Server) -> Use:
    """Whether what a service names is the server, and its database."""
    if each.database is not None and each.database != server.database:
        return Use.NO
    to = destination(each.host, client, server.project)
    if server.service:
        if server.service in to.services:
            return Use.YES if len(to.services) == 1 else Use.UNSURE
        if to.services:
            return Use.NO
        if to.elsewhere in server.addresses:
            return Use.YES
        if to.elsewhere == ENGINE_HOST:
            return Use.YES if _port(each) in server.published else Use.NO
        is_outside = to.elsewhere not in services_of(server.project)
        return Use.UNSURE if is_outside and _may_publish(each, server) else Use.NO
    user = services_of(server.project).get(server.client)
    theirs = destination(server.host, user, server.project).elsewhere if user else server.host.lower()
    if to.services:
        if not any(_publishes(server, name) for name in to.services):
            return Use.NO
        return Use.YES if theirs == ENGINE_HOST else Use.UNSURE  # another name may be one of the engine's host
    if to.elsewhere == client.name:
        return Use.NO
    if to.elsewhere != theirs:
        return Use.UNSURE if each.database is not None and each.is_database else Use.NO
    if _port(each) != server.port:
        return Use.NO
    is_local_name = not re.search(r"[.:(]", theirs)  # of a container that is on a network which both must share
    return Use.UNSURE if user and is_local_name and not {*user.networks} & {*client.networks} else Use.YES


def _port(each: Named) -> int:
    return each.port or 5432


def _publishes(server: Server, name: str) -> bool:
    """Whether a service has the server's port on the engine's host, and so may be the server."""
    service = services_of(server.project).get(name)
    return service is not None and any(str(port.get("published")) == str(server.port) for port in service.ports)


def _may_publish(each: Named, server: Server) -> bool:
    """Whether another name may be one of the engine's host, where the server has this port."""
    return each.is_database and _port(each) in server.published


def _without_a_name(client: Service, server: Server, evidence: Evidence) -> Usage:
    """Where neither a variable nor the command names a server."""
    if server.service in client.depends_on:
        others = [name for name in client.depends_on if name != server.service and _is_server(server.project, name)]
        if not others:
            return Usage(client.name, Use.YES, f"depends_on {server.service}")
        return Usage(client.name, Use.UNSURE, f"depends_on {server.service} and {', '.join(others)}")
    if evidence.is_twin and not any(_is_server(server.project, name) for name in client.depends_on):
        if evidence.by_image:
            return Usage(client.name, Use.YES, f"its image is {server.client}'s, which has the URL")
        return Usage(client.name, Use.UNSURE, f"its image is {server.client}'s, and nothing names its server")
    if not _is_server(server.project, client.name):
        for variable, value in databases(evidence.values):
            if value == server.database:
                return Usage(client.name, Use.UNSURE, f"{variable} is {value}, and nothing names its server")
    return Usage(client.name, Use.NO)


def _is_server(project: Project, name: str) -> bool:
    """Whether a service looks like a PostgreSQL server itself."""
    service = services_of(project).get(name)
    if service is None:
        return False
    image = (service.image or "").partition("@")[0].rpartition("/")[2]
    keeps = any(mount.target.startswith(_DATA) for mount in service.volumes)
    return keeps or (any(word in image for word in _SERVERS) and not service.command and not service.entrypoint)
