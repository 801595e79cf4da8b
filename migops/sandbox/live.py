"""The live database's container as the model of the disposable one, and the cases in which it cannot be one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migops.core.errors import MigopsError, Unavailable
from migops.database import DatabaseUrl
from migops.docker import Engine
from migops.docker.containers import inspect, running
from migops.sources.database_address import service_of
from migops.sources.mounts import at_or_below

if TYPE_CHECKING:
    from migops.compose import Project

_HERE = ("localhost", "host.docker.internal", "gateway.docker.internal")
_RUNTIME = ("/var/run", "/run", "/dev", "/proc", "/sys", "/tmp")  # noqa: S108 - paths in containers
_SECRETS = "/run/secrets"
_DATA = "/var/lib/postgresql/data"


@dataclass(frozen=True, slots=True)
class Live:
    """The live server's definition."""

    url: DatabaseUrl
    container: str
    """The container's name."""
    image: str
    """The ID of the image that the container runs."""
    names: tuple[str, ...]
    """The host names that resolve to it, the URL's first."""
    environment: Mapping[str, str] = field(repr=False)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    binds: Mapping[str, str] = field(default_factory=dict)
    """Target → source of its bind mounts, without data and sockets."""
    sockets: tuple[str, ...] = ()
    """Sources of the bind mounts that may contain its sockets."""
    data: tuple[str, ...] = ()
    """The folders of its data."""
    volumes: tuple[str, ...] = ()
    """The names of its volumes, which no other container may mount."""
    networks: tuple[str, ...] = ()
    shared_memory: int = 0
    """Bytes; 0 for the engine's default."""


def live_of(engine: Engine, project: Project | None, url: DatabaseUrl) -> Live:
    """The definition of the project's server container that the service's URL points to.

    Raises MigopsError if no other server can take its place: the URL's host is no name that a container can have, or
    no service of the project has it. ``Unavailable`` if the container does not run or the engine is remote.
    """
    refuse_address(url)
    service = service_of(url.host, project)
    if project is None or not service:
        raise MigopsError(
            f"{url.shown}: {url.host} is not a service of the compose project, so there is no image to create a "
            "disposable server like it from",
            hint="add a service with that name (or alias) to the compose file, of the same image and version",
        )
    if not engine.is_local:
        raise Unavailable(
            f"the engine at {engine.endpoint.host} is on another machine, where a disposable server cannot be reached "
            "from here",
            hint="run migops on that machine",
        )
    first = next(iter(running(engine, project.name, service)), None)
    inspected = inspect(engine, str(first["Id"])) if first else None
    if inspected is None:
        raise Unavailable(f"no container of the service {service} is running, so the image of its data is not known")
    return _of(inspected, url, service)


def refuse_address(url: DatabaseUrl) -> None:
    """Raise MigopsError if no other server can have the URL's host as its name, or if it is not PostgreSQL."""
    if url.dialect != "postgresql":
        raise MigopsError(f"{url.shown}: disposable servers exist for PostgreSQL only")
    why = ""
    if not url.host or url.host.startswith("/"):
        why = "it is reached through a socket of this machine"
    elif url.host in _HERE:
        why = f"{url.host} always means the machine itself"
    elif _is_address(url.host):
        why = f"{url.host} is an address, which no other server can have"
    if why:
        raise MigopsError(
            f"{url.shown}: {why}, so an env.py with this URL would reach the live database",
            hint="use the service's name in the compose file as the URL's host",
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
    """The names by which other containers know it, without those that the engine derived from its ID."""
    names = [str(inspected.get("Name") or "").lstrip("/"), str((inspected.get("Config") or {}).get("Hostname") or "")]
    for network in ((inspected.get("NetworkSettings") or {}).get("Networks") or {}).values():
        names += (network or {}).get("Aliases") or ()
    return (name for name in names if not str(inspected.get("Id")).startswith(name or "-"))


def _data_folders(config: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The image's volumes, and PostgreSQL's data folder if it is in none of them."""
    declared = tuple(config.get("Volumes") or ())
    folder = environment.get("PGDATA") or ("" if declared else _DATA)
    return declared if not folder or any(at_or_below(folder, each) for each in declared) else (*declared, folder)


def _may_hold_sockets(mount: Mapping[str, Any], data: tuple[str, ...]) -> bool:
    """True if a bind mount may contain the live server's socket: it is neither kept nor part of its data."""
    target = str(mount.get("Destination"))
    is_other = mount.get("Type") == "bind" and not _is_kept(mount, data)
    return is_other and not any(at_or_below(target, each) for each in data)


def is_of_a_running_system(target: str) -> bool:
    """True for a container's folders for sockets and the like, which contain no code."""
    return any(at_or_below(target, each) for each in _RUNTIME) and not at_or_below(target, _SECRETS)


def _is_kept(mount: Mapping[str, Any], data: tuple[str, ...]) -> bool:
    """True for a mount with configuration or scripts of the first start: neither data nor the live server's socket."""
    target = str(mount.get("Destination"))
    if mount.get("Type") != "bind" or any(_overlap(target, each) for each in data):
        return False
    return at_or_below(target, _SECRETS) or not any(_overlap(target, each) for each in _RUNTIME)


def _overlap(one: str, other: str) -> bool:
    return at_or_below(one, other) or at_or_below(other, one)
