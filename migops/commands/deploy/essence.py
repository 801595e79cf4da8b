"""Compares what two containers were created from: whether the old definition truly runs again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migops.commands.deploy import definition
from migops.commands.deploy.definition_host import ELSEWHERE, NO_SETTINGS, restart
from migops.commands.deploy.definition_mounts import is_anonymous
from migops.docker.containers import name_of

_CONFIG = (
    "Cmd", "Entrypoint", "User", "WorkingDir", "Domainname", "Tty", "OpenStdin", "StopSignal", "StopTimeout",
    "Healthcheck",
)  # fmt: skip
_COMPARED_APART = frozenset({*ELSEWHERE, *NO_SETTINGS, "NetworkMode", "RestartPolicy", "Links", "KernelMemory"})
_SHARED = ("PidMode", "IpcMode")


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what two inspected containers differ in, apart from their images; never a value."""
    ours, theirs = of(old), of(new)
    return tuple(sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)))


def of(inspected: Mapping[str, Any]) -> dict[str, Any]:
    """What a container was created from, by name, as plain values that can be compared; defaults are left out."""
    config, host = inspected["Config"], inspected["HostConfig"]
    essence: dict[str, Any] = {key: config.get(key) for key in _CONFIG}
    essence |= {f"Env {name}": value for name, _, value in (each.partition("=") for each in config.get("Env") or ())}
    essence |= {f"Label {name}": value for name, value in definition.own_labels(config.get("Labels")).items()}
    essence["Hostname"] = definition.own_hostname(inspected)
    essence["ExposedPorts"] = [] if definition.shares_network(inspected) else sorted(config.get("ExposedPorts") or ())
    essence |= {key: value for key, value in host.items() if key not in _COMPARED_APART}
    essence |= {key: _kind(host.get(key)) for key in _SHARED}
    essence["RestartPolicy"] = restart(host)
    essence["Name"] = "" if definition.is_default_name(inspected) else name_of(inspected)
    essence |= {f"Mount {each['Destination']}": _mount(each) for each in inspected.get("Mounts") or ()}
    essence |= _networks(inspected)
    return {
        key: value for key, value in essence.items() if value or (value == "" and key.startswith(("Env ", "Label ")))
    }


def _kind(mode: object) -> str:
    """A namespace; of one that is shared with a container only that, as the other one may have been recreated too."""
    text = str(mode or "")
    return "container" if text.startswith("container:") else text


def _mount(mount: Mapping[str, Any]) -> tuple[object, ...]:
    source = mount.get("Name") if mount["Type"] == "volume" else mount.get("Source")
    return (mount["Type"], "" if is_anonymous(mount) else source, bool(mount.get("RW", True)))


def _networks(inspected: Mapping[str, Any]) -> dict[str, Any]:
    mode = _kind(inspected["HostConfig"].get("NetworkMode"))
    if mode in ("none", "host", "container"):
        return {"NetworkMode": mode}
    return {
        f"Network {name}": (
            definition.own_aliases(inspected, endpoint),
            {key: value for key, value in (endpoint.get("IPAMConfig") or {}).items() if value},
        )
        for name, endpoint in (inspected["NetworkSettings"].get("Networks") or {}).items()
    }  # fmt: skip
