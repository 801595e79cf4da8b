"""A compose project → the definition of its sandbox: the same services, and nothing of the live project in reach."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.compose.units import duration
from migops.sandbox.live import is_of_a_running_system
from migops.sources.mounts import at_or_below

if TYPE_CHECKING:
    from migops.compose import Project

_KEPT = (
    "command", "entrypoint", "working_dir", "user", "healthcheck", "init", "tty", "stdin_open", "tmpfs", "shm_size",
    "ulimits", "read_only", "hostname", "platform", "group_add", "secrets", "configs", "stop_signal", "expose",
    "mem_limit", "memswap_limit", "cpus", "cpuset", "cpu_period", "cpu_quota", "cpu_shares", "pids_limit", "cap_drop",
)  # fmt: skip
"""Keys of a service that reach nothing outside of its container, or limit what it takes of the machine, which has the
live project too. All others are left out, labels and ports first."""
_OUTSIDE = (
    "privileged", "devices", "device_cgroup_rules", "cap_add", "pid", "uts", "userns_mode", "cgroup", "gpus", "runtime",
    "credential_spec", "volumes_from", "pre_start", "provider", "models", "use_api_socket",
)  # fmt: skip
"""Keys without which a service may not start, and with which it reaches the machine or what is not made here."""
_NO_HOST = {"com.docker.network.bridge.inhibit_ipv4": "true"}
"""No address of the machine in the network: even an internal one has its gateway, with all ports that are published."""
_DATA = ("/var/lib/postgresql", "/var/lib/mysql", "/bitnami", "/data")
_MOST_ENTRIES = 200_000  # of a folder that is looked through for sockets
_NO_SOCKETS = (".git", "node_modules", ".venv", "venv", "__pycache__")
_SYSTEM = ("/run", "/var/run", "/dev", "/proc", "/sys", "/var/lib/docker")
"""Folders that lead to what runs on the machine: in `/` or `/var`, the engine's own socket is among it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is started: the services, the images that they run, and what is changed for the sandbox's own sake."""

    project: Project
    services: tuple[str, ...]
    images: Mapping[str, str]
    """The image of each service, by ID or by the tag of a trial build."""
    servers: frozenset[str] = frozenset()
    """The database servers among the services: they get an empty data folder."""
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Variables that are set beside those of the compose file, by service."""
    schema: tuple[str, ...] = ()
    """The command that migrates the empty database first; () to start with an empty one."""
    app: str = ""
    """The service that ``schema`` runs in."""


def needed(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    """These services and all that they depend on."""
    wanted: dict[str, None] = {}
    pending = list(names)
    while pending:
        name = pending.pop(0)
        if name in project.services and name not in wanted:
            wanted[name] = None
            pending += project.services[name].depends_on
    return tuple(wanted)


def obstacle(project: Project, names: Sequence[str]) -> str:
    """Why these services cannot be started without reaching out of a sandbox; '' if they can."""
    for name in names:
        raw = project.services[name].raw
        for key in _OUTSIDE:
            if raw.get(key):
                return f"{name} has `{key}`"
        mode = str(raw.get("network_mode") or "")
        if mode not in ("", "none"):
            return f"{name} has `network_mode: {mode}`"
        if ipc := str(raw.get("ipc") or "").partition(":")[0]:
            return f"{name} has `ipc: {ipc}`"
        if raw.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices"):
            return f"{name} reserves devices"
        if reason := project.services[name].unread.reason():
            return reason
        for mount in raw.get("volumes") or ():
            if why := _reaches_out(mount):
                return f"{name} mounts {mount.get('source') or mount.get('target')}, {why}"
        for kind in ("secrets", "configs"):
            for entry in raw.get(kind) or ():
                if (project.resolved.get(kind) or {}).get(entry.get("source"), {}).get("external"):
                    return f"{name} has the external {kind[:-1]} {entry.get('source')}"
    return ""


def document(trial: Trial, labels: Mapping[str, str], network: str = "default") -> str:
    """The sandbox's compose file as JSON, with every ``$`` doubled."""
    services = {name: _service(trial, name, labels, network) for name in trial.services}
    if trial.schema and trial.app in services:
        _add_schema(trial, services)
    made: dict[str, Any] = {
        "services": services,
        "networks": {network: {"internal": True, "driver_opts": _NO_HOST, "labels": dict(labels)}},
        "volumes": {key: {"labels": dict(labels)} for key in _volumes(services)},
    }
    for kind in ("secrets", "configs"):
        used = {entry["source"] for each in services.values() for entry in each.get(kind) or ()}
        declared = trial.project.resolved.get(kind) or {}
        made[kind] = {key: _without_name(declared[key]) for key in declared if key in used}
    return json.dumps(made, ensure_ascii=False).replace("$", "$$")


def _service(trial: Trial, name: str, labels: Mapping[str, str], network: str) -> dict[str, Any]:
    service = trial.project.services[name]
    raw = service.raw
    made = {key: raw[key] for key in _KEPT if raw.get(key) is not None}
    if "healthcheck" in made:
        made["healthcheck"] = _quick(made["healthcheck"])
    given = {key: value for key, value in service.environment.items() if value is not None}
    restarts = service.restart.partition(":")[0] in ("always", "unless-stopped", "on-failure")
    made |= {
        "image": trial.images[name],
        "pull_policy": "never",
        "restart": "on-failure:3" if restarts else "no",  # some applications are restarted until their server is ready
        "labels": dict(labels),
        "environment": {**given, **trial.environment.get(name, {})},
        "volumes": list(_mounts(trial, name)),
        "depends_on": {
            other: {"condition": each.condition, "required": each.required}
            for other, each in service.depends_on.items()
            if other in trial.services
        },
        "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
    }
    if limits := (raw.get("deploy") or {}).get("resources", {}).get("limits"):
        made["deploy"] = {"resources": {"limits": limits}}
    if raw.get("network_mode") == "none":
        return made | {"network_mode": "none"}
    aliases = [alias for each in (raw.get("networks") or {}).values() for alias in (each or {}).get("aliases") or ()]
    names = dict.fromkeys((*aliases, *([service.container_name] if service.container_name else ())))
    return made | {"networks": {network: {"aliases": list(names)}}}


def _quick(check: Mapping[str, Any]) -> dict[str, Any]:
    """The health check once a second, for as long as it has time for: nobody should wait for its usual interval."""
    every = duration(str(check.get("interval") or "30s")) / 1e9
    retries = int(check.get("retries") or 3)
    return {**check, "interval": "1s", "retries": max(retries, math.ceil(retries * every))}


def _mounts(trial: Trial, name: str) -> Iterator[dict[str, Any]]:
    """Volumes of the sandbox's own, empty ones for data and for folders that are not there, binds that only read."""
    for mount in trial.project.services[name].raw.get("volumes") or ():
        kind, source, target = mount.get("type"), str(mount.get("source") or ""), str(mount.get("target") or "")
        if kind == "bind":
            data = name in trial.servers and any(at_or_below(target, each) for each in _DATA)
            if data or not Path(source).exists():
                yield {"type": "volume", "target": target}
            else:
                yield {"type": "bind", "source": source, "target": target, "read_only": True}
        elif kind == "volume":
            yield {"type": "volume", "target": target, **({"source": source} if source else {})}
        elif kind == "tmpfs":
            yield {"type": "tmpfs", "target": target}


def _reaches_out(mount: Mapping[str, Any]) -> str:
    """Why a mount leads to something that runs; '' if it does not."""
    if mount.get("type") not in ("bind", "volume", "tmpfs"):
        return f"a mount of the type {mount.get('type')}"
    source = str(mount.get("source") or "")
    if mount.get("type") != "bind" or at_or_below(source, "/etc"):
        return ""
    real = os.path.realpath(source)
    if is_of_a_running_system(real) and not at_or_below(real, "/tmp"):  # noqa: S108
        return "which leads to what runs on this machine"
    if any(at_or_below(each, real) for each in _SYSTEM):
        return "which has what runs on this machine in it"
    return "which has the socket of another program" if _has_socket(Path(source)) else ""


def _has_socket(source: Path) -> bool:
    """Whether it is a socket, or has one in it: reading alone is enough to talk to the program behind it."""
    if not source.is_dir():
        return source.is_socket()
    todo, looked = [os.fspath(source)], 0
    while todo and looked < _MOST_ENTRIES:
        try:
            entries = list(os.scandir(todo.pop()))
        except OSError:
            continue  # what this user may not list
        looked += len(entries)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                todo += [entry.path] if entry.name not in _NO_SOCKETS else []
            elif not entry.is_file(follow_symlinks=False) and not entry.is_symlink() and Path(entry.path).is_socket():
                return True
    return False


def _add_schema(trial: Trial, services: dict[str, Any]) -> None:
    """Let a service of its own migrate before the application starts."""
    app = services[trial.app]
    migrate = {key: value for key, value in app.items() if key not in ("healthcheck", "command")}
    migrate |= {
        "entrypoint": [trial.schema[0]], "command": list(trial.schema[1:]), "restart": "no",
        "depends_on": {
            **app["depends_on"],
            **{each: {"condition": "service_healthy", "required": True} for each in trial.servers},
        },
    }  # fmt: skip
    for server in trial.servers:
        services[server].setdefault("healthcheck", _READY)
    name = "migops-schema"
    services[name] = migrate
    app["depends_on"] = {
        **app["depends_on"],
        name: {"condition": "service_completed_successfully", "required": True},
    }


_READY = {"test": ["CMD", "pg_isready", "-q", "-h", "127.0.0.1"], "interval": "1s", "timeout": "5s", "retries": 60}


def _volumes(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    named = (mount for each in services.values() for mount in each["volumes"] if mount["type"] == "volume")
    return sorted({str(mount["source"]) for mount in named if mount.get("source")})


def _without_name(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "name"}
