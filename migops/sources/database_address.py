"""How to get from here to a database that is named as a container of the project sees it. Nothing is started for it."""

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
from migops.docker import Engine
from migops.docker.containers import inspect

if TYPE_CHECKING:
    from migops.compose import Project, Service

LABEL = "com.docker.compose."
INSTEAD = "use an address that this host can reach: --database-url URL"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is asked, and in words how that was found."""

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
    """The address of the URL's server, from here: a published port, a container's own address, or as it is written.

    ``inside`` says that the URL's host is meant as the service's container sees it; ``compose`` is the command by
    which the user addresses the project.
    """
    host, port = url.host, url.port
    if service is not None and inside and (host in _LOOPBACK or not host or host.startswith("/")):
        if service.raw.get("network_mode") != "host" or not host or host.startswith("/"):
            return Unknown(f"{host or 'localhost'} means, in the service {service.name}, its own container", INSTEAD)
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
        found = engine()
        everything = found.containers({f"{LABEL}project": project.name, f"{LABEL}service": name})
    except MigopsError as error:
        return Unknown(f"{host} is the service {name}, but its address is unknown: {error}", error.hint)
    listed = [each for each in everything if not is_one_off(each)]
    running = [each for each in listed if each.get("State") == "running"]
    if not running:
        state = f"is {listed[0].get('State')}" if listed else "does not exist"
        return Unknown(
            f"the container of the service {name} {state}, and reading commands start nothing",
            f"`{shlex.join((*compose, 'up', '-d', '--no-deps', name))}` starts it; or {INSTEAD}",
        )
    return _of_container(running[0], port, found.endpoint.host, found.is_local)


def _neighbour(
    host: str, project: Project, service: Service, engine: Callable[[], Engine]
) -> tuple[Mapping[str, Any], Engine] | None:
    """The running container of another project that a host name leads to in a network that the service shares with it;
    None where there is none, or the engine does not say."""
    shared = {project.networks[key].name for key in service.networks if key in project.networks}
    shared = {name for name in shared if name != f"{project.name}_default"}
    if not shared:
        return None
    try:
        found = engine()
        for each in found.containers({}):
            theirs = ((each.get("NetworkSettings") or {}).get("Networks") or {}).keys() & shared
            if theirs and each.get("State") == "running" and host in _names(found, each, theirs):
                return each, found
    except MigopsError:
        return None
    return None


def _names(engine: Engine, listed: Mapping[str, Any], networks: Iterable[str]) -> set[str]:
    """What a container is called in these networks."""
    inspected = inspect(engine, str(listed["Id"])) or {}
    joined = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    aliases = {alias for name in networks for alias in (joined.get(name) or {}).get("Aliases") or ()}
    return aliases | {str(name).lstrip("/") for name in listed.get("Names") or ()}


def service_of(host: str, project: Project | None) -> str:
    """The service that a host name leads to inside the project's networks, or ''."""
    if project is None or not host:
        return ""
    if host in project.services:
        return host
    for each in project.services.values():
        networks = each.raw.get("networks") or {}
        aliases = [alias for network in networks.values() for alias in (network or {}).get("aliases") or ()]
        if host in (each.container_name, each.raw.get("hostname"), *aliases):
            return each.name
    return ""


def _of_container(listed: Mapping[str, Any], port: int, engine_host: str, is_local: bool) -> Address | Unknown:
    """The address of a running container's port, by the engine's list of containers."""
    name = str((listed.get("Names") or ["?"])[0]).lstrip("/")
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


def is_one_off(listed: Mapping[str, Any]) -> bool:
    return (listed.get("Labels") or {}).get(f"{LABEL}oneoff") == "True"


def file_address(
    url: DatabaseUrl, service: Service | None, working_dir: str, cwd: Path, inside: bool
) -> Path | Absent | Unknown:
    """The host's file that an SQLite URL leads to; a path in the container is followed through bind mounts only."""
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
