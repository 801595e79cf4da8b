"""Addresses from here of a database that is named from a container's point of view. Nothing is started for it."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from migops.core.errors import MigopsError
from migops.core.model import Absent, Unknown
from migops.database import DatabaseUrl
from migops.docker import Engine, compose_labels
from migops.docker.containers import inspect, name_of
from migops.sources.database_url import is_own_network, servers

if TYPE_CHECKING:
    from migops.compose import Project, Service
    from migops.database import DatabaseUrl

INSTEAD = "use an address that this host can reach: --database-url URL"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """The address of the database, and a description of how it was found."""

    host: str
    port: int
    how: str


def server_address(
    url: DatabaseUrl,
    project: Project | None,
    service: Service | None,
    engine: Callable[[], Engine] | None,
    inside: bool,
    compose: Sequence[str] = ("docker", "compose"),
) -> Address | Unknown:
    """The address of the URL's server from here: a published port, a container's own address, or the URL's own host.

    ``inside``: the URL's host is a name inside the service's container. ``compose`` is the user's compose command for
    the project.
    """
    host, port = url.host, url.port
    if service is not None and inside and (host in _LOOPBACK or not host or host.startswith("/")):
        if service.raw.get("network_mode") != "host" or not host or host.startswith("/"):
            names = servers(project, service) if project is not None and is_own_network(service) else ()
            server = next((name for name in names if name != service.name), "")
            whose = f", not the service {server}" if server else ""
            return Unknown(
                f"{host or 'localhost'} means, in the service {service.name}, its own container{whose}",
                f"set the host to {server}; or {INSTEAD}" if server else INSTEAD,
            )
        return Address(host, port, "the network of the engine's host")
    if host == "host.docker.internal" and inside:
        return Address("127.0.0.1", port, "host.docker.internal")
    name = service_of(host, project)
    if project is None or not name:
        other = _neighbour(host, project, service, engine) if inside and project and service and engine else None
        if other is None:
            return Address(host, port, "as written")
        return _of_container(other[0], port, other[1].endpoint.host, other[1].is_local)
    if engine is None:
        return Unknown(f"{host} is the service {name}, but with --no-engine its address is unknown", INSTEAD)
    try:
        connected = engine()
        everything = connected.containers(compose_labels.filters(project.name, name))
    except MigopsError as error:
        return Unknown(f"{host} is the service {name}, but its address is unknown: {error}", error.hint)
    listed = [container for container in everything if not compose_labels.is_one_off(container)]
    running = [container for container in listed if container.get("State") == "running"]
    if not running:
        state = f"is {listed[0].get('State')}" if listed else "does not exist"
        start = (*compose, "up", "-d", "--no-deps", name)
        return Unknown(
            f"the container of the service {name} {state}, and reading commands start nothing",
            f"`{shlex.join(start)}` starts it; or {INSTEAD}",
            start,
        )
    return _of_container(running[0], port, connected.endpoint.host, connected.is_local)


def _neighbour(
    host: str, project: Project, service: Service, engine: Callable[[], Engine]
) -> tuple[Mapping[str, Any], Engine] | None:
    """The running container of another project with that host name in a network of the service, and the engine.

    None if there is none, or the engine does not answer.
    """
    shared = {project.networks[key].name for key in service.networks if key in project.networks}
    shared = {name for name in shared if name != f"{project.name}_default"}
    if not shared:
        return None
    try:
        connected = engine()
        for container in connected.containers({}):
            theirs = ((container.get("NetworkSettings") or {}).get("Networks") or {}).keys() & shared
            if theirs and container.get("State") == "running" and host in _names(connected, container, theirs):
                return container, connected
    except MigopsError:
        return None
    return None


def _names(engine: Engine, listed: Mapping[str, Any], networks: Iterable[str]) -> set[str]:
    """The names of a container in these networks."""
    inspected = inspect(engine, str(listed["Id"])) or {}
    joined = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    aliases = {alias for name in networks for alias in (joined.get(name) or {}).get("Aliases") or ()}
    return aliases | {str(name).lstrip("/") for name in listed.get("Names") or ()}


def service_of(host: str, project: Project | None) -> str:
    """The service with that host name in the project's networks, or ''."""
    if project is None or not host:
        return ""
    if host in project.services:
        return host
    for service in project.services.values():
        networks = service.raw.get("networks") or {}
        aliases = [alias for network in networks.values() for alias in (network or {}).get("aliases") or ()]
        if host in (service.container_name, service.raw.get("hostname"), *aliases):
            return service.name
    return ""


def _of_container(listed: Mapping[str, Any], port: int, engine_host: str, is_local: bool) -> Address | Unknown:
    """The address of a running container's port, from the engine's list of containers."""
    name = name_of(listed)
    theirs = "127.0.0.1" if is_local else urlsplit(engine_host).hostname or ""
    hidden = False
    for published in listed.get("Ports") or ():
        if published.get("PrivatePort") == port and published.get("PublicPort") and published.get("Type") == "tcp":
            bound = str(published.get("IP") or "0.0.0.0")  # noqa: S104 - compared, never listened on
            hidden = not is_local and bound in _LOOPBACK
            if not hidden:
                host = theirs if bound in ("0.0.0.0", "::", *_LOOPBACK) else bound  # noqa: S104
                return Address(host, int(published["PublicPort"]), f"the published port of {name}")
    if (listed.get("HostConfig") or {}).get("NetworkMode") == "host" and theirs:
        return Address(theirs, port, f"the network of the engine's host, in which {name} runs")
    networks = (listed.get("NetworkSettings") or {}).get("Networks") or {}
    address = next((str(each["IPAddress"]) for each in networks.values() if each and each.get("IPAddress")), "")
    if address and is_local:
        return Address(address, port, f"the address of {name}")
    why = "is published only on its machine's loopback address" if hidden else f"does not publish its port {port}"
    if is_local:
        return Unknown(f"{name} {why}, and it has no address on a network", INSTEAD)
    return Unknown(f"{name} {why}, and the engine at {engine_host} is on another machine", INSTEAD)


def file_address(
    url: DatabaseUrl, service: Service | None, working_dir: str, cwd: Path, inside: bool
) -> Path | Absent | Unknown:
    """The host's file of an SQLite URL; a path in the container is followed through bind mounts only."""
    database = url.url.database or ""
    if not database or database == ":memory:" or database.startswith("file:"):
        return Unknown(f"an SQLite database at {database or ':memory:'} cannot be read from outside", INSTEAD)
    if service is None or not inside:
        path = cwd / database
    else:
        there = posixpath.normpath(posixpath.join(working_dir or "/", database))
        over = [mount for mount in service.volumes if _covers(mount.target, there)]
        mount = max(over, key=lambda each: len(each.target), default=None)
        if mount is None:
            return Unknown(
                f"the SQLite file {there} is in the container, and no bind mount makes it available here", INSTEAD
            )
        if mount.type != "bind":
            return Unknown(f"the SQLite file {there} is in a {mount.type} ({mount.location}), not on the host", INSTEAD)
        path = Path(mount.source) / posixpath.relpath(there, mount.target)
    if not path.is_file():
        return Absent(f"there is no SQLite file {path} yet")
    return path


def _covers(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
