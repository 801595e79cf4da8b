"""Whether a container was created from the service's definition as it is now, in all that Alembic runs with.

Compose's hash of a definition differs between versions of compose, and covers much that Alembic never sees (ports,
restart policy, labels). So the values are compared: environment, mounts, networks, extra hosts, user, working
directory. Names only are returned, never values.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migops.compose import Project, Service
from migops.core.errors import MigopsError
from migops.core.model import Unknown
from migops.core.text import listed
from migops.sources.database_url import Variables
from migops.sources.mounts import Mount, mounts_of

_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})
"""Compose sets these from the configuration of the Docker CLI."""
_SECRETS = "/run/secrets"
_COMPARED_MOUNTS = ("bind", "volume", "tmpfs")


@dataclass(frozen=True, slots=True)
class Definition:
    """The service as compose would create it now. ``image`` is the ``Config`` of its image."""

    project: Project
    service: Service
    image: Mapping[str, Any] = field(default_factory=dict, repr=False)


def changed(definition: Definition, inspected: Mapping[str, Any]) -> tuple[str, ...] | Unknown:
    """What of the definition the container was created without, in words; () for a current container.

    Unknown where a value that differs depends on an env file that cannot be read, or on a variable that this shell
    does not set: the shell that created the container may have set it.
    """
    names = list(_variables(definition, inspected))
    if unset := _unset(definition, names):
        return Unknown(f"{listed(unset)} depends on what is not set here")
    return (
        *names, *_mounts(definition, mounts_of(inspected)), *_networks(definition, inspected),
        *_hosts(definition.service, inspected), *_process(definition, inspected),
    )  # fmt: skip


def _variables(definition: Definition, inspected: Mapping[str, Any]) -> Iterator[str]:
    """The variables that have another value in the container, that it lacks, or that are no longer set."""
    service, image = definition.service, _pairs(definition.image)
    there = _pairs(inspected.get("Config") or {})
    unset = {name for name, value in service.environment.items() if value is None}
    expected = {**image, **{name: value for name, value in service.environment.items() if value is not None}}
    added_by_compose = bool(definition.project.models) or any("provider" in each.raw for each in _needed(definition))
    for name in sorted({*expected, *there} - unset):
        if name not in expected and (added_by_compose or name.lower() in _PROXIES):
            continue
        if expected.get(name) != there.get(name):
            yield name


def _needed(definition: Definition) -> Iterator[Service]:
    services = definition.project.services
    return (services[name] for name in definition.service.depends_on if name in services)


def _unset(definition: Definition, names: list[str]) -> list[str]:
    """Those of the variables whose value in the files cannot be known here."""
    missing = [text.split('"')[1] for text in definition.project.warnings if text.endswith("blank string.")]
    variables, unread = Variables(definition.project, definition.service), definition.service.unread
    return [
        name for name in names
        if unread.might_set(name) or (name in definition.service.environment and _line_has(variables, name, missing))
    ]  # fmt: skip


def _line_has(variables: Variables, name: str, missing: list[str]) -> bool:
    """True if the line that sets the variable also names one of ``missing``."""
    if not missing:
        return False
    at = variables.location(name)
    try:
        line = Path(at.file).read_text(encoding="utf-8", errors="replace").splitlines()[(at.line or 1) - 1]
    except (OSError, IndexError, MigopsError):
        return True  # where it is written is not known
    return any(each in line for each in missing)


def _mounts(definition: Definition, there: tuple[Mount, ...]) -> Iterator[str]:
    service = definition.service
    mounted = {posixpath.normpath(each.target): each for each in there}
    expected = {posixpath.normpath(each.target): each for each in service.volumes}
    for target, mount in expected.items():
        if mount.type in _COMPARED_MOUNTS and not _is_same(mount.type, _source(mount), mounted.get(target)):
            yield f"the mount at {target}"
    files = {posixpath.join(_SECRETS, each.target or each.source) for each in service.secrets}
    for target in sorted(files - {*mounted} if _has_file_secrets(definition) else ()):
        yield f"the secret at {target}"
    declared = {*expected, *files, *(each.target or f"/{each.source}" for each in service.configs)}
    if {"volumes_from", "use_api_socket"} & {*service.raw}:
        return
    for target, found in mounted.items():
        if target not in declared and found.type in ("bind", "volume") and not found.is_anonymous:
            yield f"the mount at {target}"


def _has_file_secrets(definition: Definition) -> bool:
    """True if all secrets of the service are files of the host: these are mounts, others are copied."""
    declared = definition.project.resolved.get("secrets") or {}
    return all((declared.get(each.source) or {}).get("file") for each in definition.service.secrets)


def _source(mount: Any) -> str:
    return str(mount.volume_name if mount.type == "volume" else mount.source)


def _is_same(kind: str, source: str, there: Mount | None) -> bool:
    if there is None or there.type != kind:
        return False
    if kind == "tmpfs":
        return True
    if kind == "volume":
        return there.is_anonymous if not source else there.source == source
    # Docker Desktop shows the host's folder below one of its own; a project may be entered by a symlink.
    return there.source.endswith(source) or os.path.realpath(there.source) == os.path.realpath(source)


def _networks(definition: Definition, inspected: Mapping[str, Any]) -> Iterator[str]:
    """Networks that the container is not in. Others that it is in may have been connected by hand: they stay."""
    mode = str((inspected.get("HostConfig") or {}).get("NetworkMode") or "")
    wanted = str(definition.service.raw.get("network_mode") or "")
    if wanted:
        if ("host" in (mode, wanted) or "none" in (mode, wanted)) and mode != wanted:
            yield "network_mode"
        return
    there = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    for key in definition.service.networks:
        network = definition.project.networks.get(key)
        if network is not None and network.name not in there:
            yield f"the network {key}"


def _hosts(service: Service, inspected: Mapping[str, Any]) -> Iterator[str]:
    there = {_host(str(each)) for each in (inspected.get("HostConfig") or {}).get("ExtraHosts") or ()}
    for each in service.raw.get("extra_hosts") or ():
        if _host(str(each)) not in there:
            yield f"the extra host {_host(str(each))[0]}"


def _host(entry: str) -> tuple[str, str]:
    """Name and address of ``name=address`` (compose) or ``name:address`` (the engine)."""
    at = entry.find("=") if "=" in entry else entry.find(":")
    return entry[:at], entry[at + 1 :].strip("[]")


def _process(definition: Definition, inspected: Mapping[str, Any]) -> Iterator[str]:
    config, image, service = inspected.get("Config") or {}, definition.image, definition.service
    if str(config.get("User") or "") != (service.user or str(image.get("User") or "")):
        yield "user"
    wanted = str(service.working_dir or image.get("WorkingDir") or "/")
    if posixpath.normpath(str(config.get("WorkingDir") or "/")) != posixpath.normpath(wanted):
        yield "working_dir"


def _pairs(config: Mapping[str, Any]) -> dict[str, str]:
    pairs = (str(each).partition("=") for each in config.get("Env") or () if "=" in str(each))
    return {name: value for name, _, value in pairs}
