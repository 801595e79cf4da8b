"""The part of a definition that the engine keeps as HostConfig: limits, privileges, namespaces, ports, logging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SAME = {
    "CapAdd": "cap_add", "CapDrop": "cap_drop", "Dns": "dns", "DnsSearch": "dns_search", "DnsOptions": "dns_opt",
    "ExtraHosts": "extra_hosts", "GroupAdd": "group_add", "SecurityOpt": "security_opt", "Privileged": "privileged",
    "ReadonlyRootfs": "read_only", "Sysctls": "sysctls", "UTSMode": "uts", "UsernsMode": "userns_mode",
    "CgroupnsMode": "cgroup", "Runtime": "runtime", "CgroupParent": "cgroup_parent", "CpuShares": "cpu_shares",
    "CpuPeriod": "cpu_period", "CpuQuota": "cpu_quota", "CpuRealtimePeriod": "cpu_rt_period",
    "CpuRealtimeRuntime": "cpu_rt_runtime", "CpusetCpus": "cpuset", "OomScoreAdj": "oom_score_adj",
    "OomKillDisable": "oom_kill_disable", "PidsLimit": "pids_limit", "StorageOpt": "storage_opt",
    "DeviceCgroupRules": "device_cgroup_rules", "Isolation": "isolation", "Annotations": "annotations",
    "Memory": "mem_limit", "MemoryReservation": "mem_reservation", "MemorySwap": "memswap_limit",
    "ShmSize": "shm_size",
}  # fmt: skip
"""What has the same meaning in both, by the engine's name; an empty value is the default."""
_NAMESPACES = {"NetworkMode": "network_mode", "PidMode": "pid", "IpcMode": "ipc"}
_RATES = {
    "BlkioWeightDevice": ("weight_device", "Weight", "weight"),
    "BlkioDeviceReadBps": ("device_read_bps", "Rate", "rate"),
    "BlkioDeviceWriteBps": ("device_write_bps", "Rate", "rate"),
    "BlkioDeviceReadIOps": ("device_read_iops", "Rate", "rate"),
    "BlkioDeviceWriteIOps": ("device_write_iops", "Rate", "rate"),
}
_HANDLED = frozenset({
    *_SAME, *_NAMESPACES, *_RATES, "BlkioWeight", "MemorySwappiness", "NanoCpus", "Init", "RestartPolicy", "LogConfig",
    "Tmpfs", "Ulimits", "Devices", "DeviceRequests", "PortBindings", "Links",
})  # fmt: skip
ELSEWHERE = frozenset({"Binds", "Mounts", "VolumesFrom"})
"""What comes with the list of mounts."""
NO_SETTINGS = frozenset({"ContainerIDFile", "AutoRemove", "ConsoleSize", "Cgroup"})
_DEFAULTS: Mapping[str, Any] = {"Isolation": ("default",), "VolumeDriver": ("local",)}


def settings(inspected: Mapping[str, Any], owners: Mapping[str, str]) -> dict[str, Any]:
    """The settings of one container. ``owners`` are the services of container IDs, for namespaces that are shared."""
    host = inspected["HostConfig"]
    keys: dict[str, Any] = {name: host[key] for key, name in _SAME.items() if host.get(key)}
    keys |= {name: shared for key, name in _NAMESPACES.items() if (shared := _namespace(key, host, owners))}
    keys |= _resources(host) | _ports(host) | _logging(host)
    if host.get("Init") is not None:
        keys["init"] = host["Init"]
    if policy := restart(host):
        keys["restart"] = policy
    if tmpfs := host.get("Tmpfs"):
        keys["tmpfs"] = [f"{path}:{options}" if options else path for path, options in tmpfs.items()]
    if links := host.get("Links"):
        keys["external_links"] = [_link(each) for each in links]
    return keys


def inexpressible(inspected: Mapping[str, Any]) -> tuple[str, ...]:
    """Settings that are not the default, and that no compose file can express."""
    host = inspected["HostConfig"]
    plain = {"MaskedPaths", "ReadonlyPaths"}
    known = _HANDLED | ELSEWHERE | NO_SETTINGS | plain
    found = [key for key, value in host.items() if value and key not in known and value not in _DEFAULTS.get(key, ())]
    found += [key for key in sorted(plain) if host.get(key) == [] and not host.get("Privileged")]
    # Compose takes a profile as the path of a file, and the engine keeps only what was in it.
    inline = [each for each in host.get("SecurityOpt") or () if each.startswith(("seccomp={", "seccomp:{"))]
    return (*found, *(["SecurityOpt seccomp"] if inline else ()))


def restart(host: Mapping[str, Any]) -> str:
    """The restart policy as compose writes it, '' for none."""
    policy = host.get("RestartPolicy") or {}
    name, count = str(policy.get("Name") or ""), policy.get("MaximumRetryCount") or 0
    return "" if name in ("", "no") else f"{name}:{count}" if count else name


def _namespace(key: str, host: Mapping[str, Any], owners: Mapping[str, str]) -> str:
    mode = str(host.get(key) or "")
    kind, _, other = mode.partition(":")
    if kind == "container" and other in owners:
        return f"service:{owners[other]}"
    if key == "NetworkMode" and mode not in ("none", "host") and kind != "container":
        return "bridge" if mode in ("", "default", "bridge") else ""  # else it is the name of a network
    return mode


def _resources(host: Mapping[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if host.get("NanoCpus"):
        keys["cpus"] = host["NanoCpus"] / 1e9
    if host.get("MemorySwappiness") is not None:
        keys["mem_swappiness"] = host["MemorySwappiness"]
    if limits := host.get("Ulimits"):
        keys["ulimits"] = {each["Name"]: {"soft": each["Soft"], "hard": each["Hard"]} for each in limits}
    if devices := host.get("Devices"):
        parts = ("PathOnHost", "PathInContainer", "CgroupPermissions")
        keys["devices"] = [":".join(str(each[part]) for part in parts if each.get(part)) for each in devices]
    if requests := host.get("DeviceRequests"):
        keys["deploy"] = {"resources": {"reservations": {"devices": [_request(each) for each in requests]}}}
    rates = {
        name: [{"path": each["Path"], word: each[field]} for each in host[key]]
        for key, (name, field, word) in _RATES.items() if host.get(key)
    }  # fmt: skip
    weight = {"weight": host["BlkioWeight"]} if host.get("BlkioWeight") else {}
    return keys | ({"blkio_config": {**weight, **rates}} if weight or rates else {})


def _request(request: Mapping[str, Any]) -> dict[str, Any]:
    """A device that a driver hands out, such as a GPU."""
    count = request.get("Count") or 0
    found = {
        "driver": request.get("Driver"), "device_ids": request.get("DeviceIDs"), "options": request.get("Options"),
        "count": "all" if count < 0 else count,
    }  # fmt: skip
    capabilities = [each for some in request.get("Capabilities") or () for each in some]
    return {"capabilities": capabilities, **{key: value for key, value in found.items() if value}}


def _ports(host: Mapping[str, Any]) -> dict[str, Any]:
    entries = []
    for port, bindings in (host.get("PortBindings") or {}).items():
        target, _, protocol = port.partition("/")
        for each in list[Mapping[str, str]](bindings or ({},)):
            entry = {"mode": "ingress", "target": int(target), "protocol": protocol or "tcp"}
            optional = {"host_ip": each.get("HostIp"), "published": each.get("HostPort")}
            entries.append(entry | {key: value for key, value in optional.items() if value})
    return {"ports": entries} if entries else {}


def _logging(host: Mapping[str, Any]) -> dict[str, Any]:
    log = host.get("LogConfig") or {}
    options = {"options": dict(log["Config"])} if log.get("Config") else {}
    return {"logging": {"driver": log["Type"], **options}} if log.get("Type") else {}


def _link(link: str) -> str:
    """``/other:/this/alias``, as the engine keeps a link on the default bridge, as ``other:alias``."""
    other, _, alias = link.partition(":")
    return f"{other.lstrip('/')}:{alias.rpartition('/')[2]}"
