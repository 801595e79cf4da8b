"""The live database's container, as far as another one is made like it; and where that cannot be."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migops.core.errors import MigopsError, Unavailable
from migops.database import DatabaseUrl
from migops.docker import Engine
from migops.docker.containers import inspect, running
from migops.sources.container_files import at_or_below
from migops.sources.database_address import service_of

if TYPE_CHECKING:
    from migops.compose import Project

_HERE = ("localhost", "host.docker.internal", "gateway.docker.internal")
_RUNTIME = ("/var/run", "/run", "/dev", "/proc", "/sys", "/tmp")  # noqa: S108 - paths of containers, of which none is ours
_SECRETS = "/run/secrets"
_DATA = "/var/lib/postgresql/data"


@dataclass(frozen=True, slots=True)
class Live:
    """What a server has to be like the live one.

    ``image`` is the ID of the image that its container runs. ``names`` are the host names that lead to it, the URL's
    first. ``binds`` are its bind mounts but for its data and sockets, target → source; ``sockets`` the sources of
    those where its sockets may be; ``data`` the folders that hold its data; ``volumes`` the names of its volumes, which
    nothing else may mount; ``networks`` what it is on.
    """

    url: DatabaseUrl
    container: str
    image: str
    names: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    binds: Mapping[str, str] = field(default_factory=dict)
    sockets: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    shared_memory: int = 0


def live_of(engine: Engine, project: Project | None, url: DatabaseUrl) -> Live:
    """The server container of the project that the URL, as the service has it, leads to.

    Raises MigopsError where none could stand in for it: its host has no name that a container can be given, or no
    container of the project answers to it. ``Unavailable`` where it cannot be looked at, or is not reached from here.
    """
    refuse_address(url)
    service = service_of(url.host, project)
    if project is None or not service:
        raise MigopsError(
            f"{url.shown}: {url.host} is no service of the compose project, so there is no image to make a throwaway "
            "server from that would be like it",
            hint="it takes a service in the compose file with that name (or alias), of the same image and version",
        )
    if not engine.is_local:
        raise Unavailable(
            f"the engine at {engine.endpoint.host} is on another machine, where a throwaway server is not reached "
            "from here",
            hint="run migops on that machine",
        )
    first = next(iter(running(engine, project.name, service)), None)
    inspected = inspect(engine, str(first["Id"])) if first else None
    if inspected is None:
        raise Unavailable(f"no container of the service {service} runs, so nothing says which image its data is of")
    return _of(inspected, url, service)


def refuse_address(url: DatabaseUrl) -> None:
    """Refuse a URL whose host is no name that another server could be given, and a database that is not PostgreSQL."""
    if url.dialect != "postgresql":
        raise MigopsError(f"{url.shown}: a throwaway server can be made for PostgreSQL only")
    why = ""
    if not url.host or url.host.startswith("/"):
        why = "it is reached through a socket of its own machine"
    elif url.host in _HERE:
        why = f"{url.host} always leads to the machine itself"
    elif _is_address(url.host):
        why = f"{url.host} is an address, and no other server can be given that"
    if why:
        raise MigopsError(
            f"{url.shown}: {why}, so an env.py with this URL could not be kept from the live database",
            hint="name the database by its service's name in the compose file",
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _of(inspected: Mapping[str, Any], url: DatabaseUrl, service: str) -> Live:
    config = inspected.get("Config") or {}
    environment = dict(each.partition("=")[::2] for each in config.get("Env") or ())
    data = _data_folders(config, environment)
    mounts = inspected.get("Mounts") or ()
    return Live(
        url=url,
        container=str(inspected.get("Name") or "").lstrip("/"),
        image=str(inspected["Image"]),
        names=tuple(dict.fromkeys(name for name in (url.host, service, *_names(inspected)) if name)),
        environment=environment,
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        user=str(config.get("User") or ""),
        binds={each["Destination"]: each["Source"] for each in mounts if _is_kept(each, data)},
        sockets=tuple(str(each["Source"]) for each in mounts if _may_hold_sockets(each, data)),
        data=data,
        volumes=tuple(str(each.get("Name")) for each in mounts if each.get("Type") == "volume"),
        networks=tuple((inspected.get("NetworkSettings") or {}).get("Networks") or ()),
        shared_memory=int((inspected.get("HostConfig") or {}).get("ShmSize") or 0),
    )


def _names(inspected: Mapping[str, Any]) -> Iterator[str]:
    """The names by which other containers know it, but for those that the engine made of its ID."""
    found = [str(inspected.get("Name") or "").lstrip("/"), str((inspected.get("Config") or {}).get("Hostname") or "")]
    for network in ((inspected.get("NetworkSettings") or {}).get("Networks") or {}).values():
        found += (network or {}).get("Aliases") or ()
    return (name for name in found if not str(inspected.get("Id")).startswith(name or "-"))


def _data_folders(config: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The image's volumes, and where PostgreSQL is told to keep its data if that is in none of them."""
    declared = tuple(config.get("Volumes") or ())
    folder = environment.get("PGDATA") or ("" if declared else _DATA)
    return declared if not folder or any(at_or_below(folder, each) for each in declared) else (*declared, folder)


def _may_hold_sockets(mount: Mapping[str, Any], data: tuple[str, ...]) -> bool:
    """Whether the live server's socket may lie in a bind mount: in one that is not kept, and not of its data either."""
    target = str(mount.get("Destination"))
    is_other = mount.get("Type") == "bind" and not _is_kept(mount, data)
    return is_other and not any(at_or_below(target, each) for each in data)


def is_of_a_running_system(target: str) -> bool:
    """Whether a folder of a container is one for sockets and the like, which no code lies in."""
    return any(at_or_below(target, each) for each in _RUNTIME) and not at_or_below(target, _SECRETS)


def _is_kept(mount: Mapping[str, Any], data: tuple[str, ...]) -> bool:
    """Whether a mount is configuration or what the first start runs: not data, and no socket to the live server."""
    target = str(mount.get("Destination"))
    if mount.get("Type") != "bind" or any(_overlap(target, each) for each in data):
        return False
    return at_or_below(target, _SECRETS) or not any(_overlap(target, each) for each in _RUNTIME)


def _overlap(one: str, other: str) -> bool:
    return at_or_below(one, other) or at_or_below(other, one)
