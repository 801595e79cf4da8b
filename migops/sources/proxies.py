"""Services that pass requests on to another service, as their own configuration in the project says."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from migops.core.location import Location

if TYPE_CHECKING:
    from migops.compose import Project, Service

_KINDS = ("nginx", "openresty", "caddy", "traefik", "haproxy", "envoy", "httpd")
"""Names of images that proxy."""
_LARGEST = 200_000  # bytes of a configuration file
_MOST = 60  # configuration files of one proxy
_TRAEFIK_PORT = re.compile(r"traefik\.http\.services\.[^.]+\.loadbalancer\.server\.port")


@dataclass(frozen=True, slots=True)
class Proxied:
    """A service to whose port another one passes requests on."""

    service: str
    port: int
    """The port in the service's container."""
    by: str
    """The service that passes them on."""
    at: Location
    """The line that says so."""


def proxied(project: Project, names: Iterable[str]) -> tuple[Proxied, ...]:
    """Which ports of these services another service of the project is read to pass requests on to."""
    proxies = [each for each in project.services.values() if _is_proxy(each)]
    return tuple(
        entry for name in names if name in project.services for proxy in proxies for entry in _to(project, proxy, name)
    )


def _is_proxy(service: Service) -> bool:
    repository = (service.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
    return any(kind in re.split(r"[-_.]", repository) for kind in _KINDS)


def _to(project: Project, proxy: Service, name: str) -> Iterator[Proxied]:
    if proxy.name == name:
        return
    service = project.services[name]
    if "traefik" in (proxy.image or ""):
        for label, value in service.labels.items():
            if _TRAEFIK_PORT.fullmatch(label) and str(value).isdecimal():
                yield Proxied(name, int(value), proxy.name, service.location)
    address = re.compile(rf"(?<![\w.-]){re.escape(name)}:(\d{{2,5}})(?!\d)")
    for path, lines in _configuration(project, proxy):
        for number, line in enumerate(lines, 1):
            for match in address.finditer(line.partition("#")[0]):
                yield Proxied(name, int(match[1]), proxy.name, Location(path, number))


def _configuration(project: Project, proxy: Service) -> Iterator[tuple[str, list[str]]]:
    """The text files that the project gives the proxy: bind mounts, and configs with a file or a content."""
    declared = project.resolved.get("configs") or {}
    for mount in proxy.configs:
        entry = declared.get(mount.source) or {}
        if "content" in entry:
            yield str(mount.location), str(entry["content"]).splitlines()
        elif "file" in entry:
            yield from _files(Path(str(entry["file"])))
    for bind in proxy.volumes:
        if bind.type == "bind":
            yield from _files(Path(bind.source))


def _files(source: Path) -> Iterator[tuple[str, list[str]]]:
    """The lines of a file, or of the files in a folder."""
    paths = [source] if source.is_file() else []
    if source.is_dir():
        for folder, below, files in os.walk(source):
            below[:] = sorted(each for each in below if not each.startswith("."))
            paths += [Path(folder, each) for each in sorted(files)]
            if len(paths) > _MOST:
                return  # a folder of content, not of configuration
    for path in paths:
        try:
            if path.stat().st_size <= _LARGEST:
                yield str(path), path.read_bytes().decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue  # what cannot be read says nothing
