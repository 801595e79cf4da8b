"""The merged document → what ``docker compose config --format json`` prints.

The tables below say, for each structure of compose's model, its keys and their types. As in Go's JSON, a zero value is
left out unless the field says ``always`` or is a pointer that was set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migops.compose.interpolate import CastError, to_boolean, to_float, to_int64
from migops.compose.merge import go_type
from migops.compose.notes import Notes
from migops.compose.scalars import float32, sprint
from migops.compose.tree import Map, Mark, Seq, refuse
from migops.compose.units import add_hosts, duration, shell_words, show_duration, size

Read = Callable[[Any, str, "Decoder"], Any]
Struct = dict[str, "Read | Pointer"]


class Pointer:
    """A field that is shown whenever it was set, even to zero."""

    __slots__ = ("read",)

    def __init__(self, read: Read) -> None:
        self.read = read


class DecodeError(Exception):
    """A value cannot be what its field is; ``path`` is where it is, if deeper than the field."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class Decoder:
    """One pass over a document; the faults it finds are raised together, as compose does."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.faults: list[tuple[str, Mark | None]] = []

    def document(self, tree: Map) -> dict[str, Any]:
        """Every section decoded; ``x-*`` of the document itself stay as they are."""
        tree = without_extensions(tree, ())
        made = {key: self.section(key, tree[key]) for key in SECTIONS if isinstance(tree.get(key), Map)}
        if self.faults:
            said = "\n".join(sorted(text for text, _ in self.faults))
            mark = self.faults[0][1]
            raise refuse(f"decoding failed due to the following error(s):\n\n{said}", mark)
        return made

    def section(self, key: str, entries: Map) -> dict[str, Any]:
        read = SECTIONS[key]
        return {
            name: self.struct(entry or Map(), read, f"{key}[{name}]", entries.marks.get(name))
            for name, entry in entries.items()
        }

    def struct(self, value: Map, fields: Struct, path: str, mark: Mark | None = None) -> dict[str, Any]:
        made: dict[str, Any] = {}
        marks = value.marks
        for key, entry in value.items():
            field = fields.get(key)
            if field is None or entry is None:
                continue
            try:
                if isinstance(field, Pointer):
                    made[key] = field.read(entry, f"{path}.{key}", self)
                    continue
                read = field(entry, f"{path}.{key}", self)
            except (DecodeError, CastError, ValueError) as error:
                where = getattr(error, "path", "") or f"{path}.{key}"
                self.faults.append((f"'{where}' {error}", marks.get(key, mark)))
                continue
            if read:
                made[key] = read
        return made


def without_extensions(value: Map, path: tuple[str, ...]) -> Map:
    """``x-*`` entries taken out, as compose does: also where a key only looks like an extension.

    Names under ``services``, ``volumes`` and so on are names. Where something was taken out of a mapping of free keys,
    compose leaves it under ``#extensions``.
    """
    named = path in _NAMES or (len(path) == 3 and path[0] == "services" and path[2] == "depends_on")
    made = Map()
    made.marks = value.marks
    extras = Map()
    for key, entry in value.items():
        if not named and key.startswith("x-"):
            extras.put(key, entry, value.marks[key])
        elif isinstance(entry, Map):
            made[key] = without_extensions(entry, (*path, key))
        elif isinstance(entry, Seq):
            made[key] = items = Seq()
            items.marks = entry.marks
            below = (*path, key, "")
            items.extend(without_extensions(item, below) if isinstance(item, Map) else item for item in entry)
        else:
            made[key] = entry
    if extras:
        made.marks = dict(value.marks)
        made.put("#extensions", extras, next(iter(extras.marks.values())))
    return made


_NAMES = (("services",), ("volumes",), ("networks",), ("secrets",), ("configs",))


def _string(value: Any, path: str, run: Decoder) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise DecodeError(f"expected type 'string', got unconvertible type '{go_type(value)}'", path)


def _boolean(value: Any, path: str, run: Decoder) -> bool:
    if isinstance(value, str):
        return to_boolean(value, run.notes)
    if isinstance(value, bool):
        return value
    raise DecodeError(f"expected type 'bool', got unconvertible type '{go_type(value)}'")


def _integer(value: Any, path: str, run: Decoder) -> int:
    if isinstance(value, str):
        return to_int64(value, run.notes)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value)
    raise DecodeError(f"expected type 'int', got unconvertible type '{go_type(value)}'")


def _unsigned(value: Any, path: str, run: Decoder) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < 0:
            raise DecodeError(f"cannot parse, {sprint(value)} overflows uint")
        return int(value)
    raise DecodeError(f"expected type 'uint', got unconvertible type '{go_type(value)}'")


def _float32(value: Any, path: str, run: Decoder) -> float:
    number = to_float(value, run.notes) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise DecodeError(f"expected type 'float32', got unconvertible type '{go_type(value)}'")
    single = float32(float(number))
    return int(single) if single == int(single) and abs(single) < 1e21 else single


def _strings(value: Any, path: str, run: Decoder) -> list[str]:
    if isinstance(value, str):
        return [str(value)]
    return [_string(item, f"{path}[{index}]", run) for index, item in enumerate(value)]


def _texts(value: Any, path: str, run: Decoder) -> list[str]:
    return [sprint(item) for item in value] if isinstance(value, list) else [sprint(value)]


def _bytes(value: Any, path: str, run: Decoder) -> str:
    amount = size(value) if isinstance(value, str) else value
    return str(amount) if amount and isinstance(amount, int) else ""


def _duration(value: Any, path: str, run: Decoder) -> str:
    return show_duration(duration(sprint(value)))


def _duration_value(value: Any, path: str, run: Decoder) -> str:
    shown = _duration(value, path, run)
    return "" if shown == "0s" else shown


def _mapping(value: Any, path: str, run: Decoder) -> dict[str, str]:
    """Names and values; a name without a value has an empty one."""
    if isinstance(value, dict):
        return {key: "" if entry is None else sprint(entry) for key, entry in value.items()}
    return dict(_cut(sprint(item)) for item in value)


def _cut(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _environment(value: Any, path: str, run: Decoder) -> dict[str, str | None]:
    """Names and values; a name without a value has None."""
    if isinstance(value, dict):
        return {key: None if entry is None else sprint(entry) for key, entry in value.items()}
    made: dict[str, str | None] = {}
    for item in value:
        name, equals, text = sprint(item).partition("=")
        if name and name[-1].isspace():
            raise DecodeError(f"environment variable {name} is declared with a trailing space")
        made[name] = text if equals else None
    return made


def _plain_map(value: Any, path: str, run: Decoder) -> dict[str, str]:
    return {key: _string(entry, f"{path}[{key}]", run) for key, entry in value.items() if entry is not None}


def _many_options(value: Any, path: str, run: Decoder) -> dict[str, list[str]]:
    return {key: _texts(entry, path, run) for key, entry in value.items()}


def _command(value: Any, path: str, run: Decoder) -> list[str]:
    return shell_words(value) if isinstance(value, str) else _strings(value, path, run)


def _test(value: Any, path: str, run: Decoder) -> list[str]:
    return ["CMD-SHELL", str(value)] if isinstance(value, str) else _strings(value, path, run)


def _device_count(value: Any, path: str, run: Decoder) -> int:
    if isinstance(value, str):
        if value.lower() == "all":
            return -1
        try:
            return to_int64(value, run.notes)
        except CastError:
            said = f'invalid value "{value}", the only value allowed is \'all\' or a number'
            raise DecodeError(said) from None
    return _integer(value, path, run)


def _file_mode(value: Any, path: str, run: Decoder) -> str:
    if isinstance(value, str):
        try:
            return f"0{int(value, 8):o}"
        except ValueError:
            raise DecodeError(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None
    if isinstance(value, int) and not isinstance(value, bool):
        return f"0{value:o}"
    raise DecodeError(f"unexpected value type {go_type(value)} for mode")


def _hosts(value: Any, path: str, run: Decoder) -> list[str]:
    if isinstance(value, dict):
        return add_hosts([
            (host, [sprint(one) for one in found] if isinstance(found, list) else ["" if found is None else str(found)])
            for host, found in value.items()
        ])
    hosts = []
    for item in value:
        text = sprint(item)
        separator = "=" if "=" in text else ":"
        host, found, address = text.partition(separator)
        if not found:
            raise DecodeError(f"invalid additional host, missing IP: {text}")
        hosts.append((host, address.split(",")))
    return add_hosts(hosts)


def _ssh(value: Any, path: str, run: Decoder) -> list[str]:
    return [key if entry in (None, "") else f"{key}: {sprint(entry)}" for key, entry in value.items()]


def _ulimits(value: Any, path: str, run: Decoder) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, limit in value.items():
        if isinstance(limit, Map):
            made[key] = {side: limit[side] for side in ("soft", "hard") if limit.get(side)}
        else:
            made[key] = limit or {}
    return made


def _struct(fields: Struct, **always: Any) -> Read:
    def read(value: Any, path: str, run: Decoder) -> dict[str, Any]:
        if not isinstance(value, Map):
            raise DecodeError(f"expected a map or struct, got {go_type(value)}")
        return {**always, **run.struct(value, fields, path)}

    return read


def _structs(fields: Struct, **always: Any) -> Read:
    one = _struct(fields, **always)

    def read(value: Any, path: str, run: Decoder) -> list[Any]:
        return [one(item if item is not None else Map(), f"{path}[{index}]", run) for index, item in enumerate(value)]

    return read


def _named(fields: Struct, **always: Any) -> Read:
    one = _struct(fields, **always)

    def read(value: Any, path: str, run: Decoder) -> dict[str, Any]:
        return {
            key: None if entry is None else one(entry, f"{path}[{key}]", run) for key, entry in value.items()
        }

    return read


def _blkio(key: str, read_value: Read) -> Read:
    """Entries whose JSON has Go's own field names."""

    def read(value: Any, path: str, run: Decoder) -> list[Any]:
        zero: Any = 0 if key == "Weight" else "0"
        return [
            {"Path": sprint(item.get("path", "")), key: read_value(item[key.lower()], path, run) or zero
             if item.get(key.lower()) is not None else zero}
            for item in value
        ]  # fmt: skip

    return read


_LIMIT = _blkio("Rate", _bytes)
_HOOK_FIELDS: Struct = {
    "command": Pointer(_command), "user": _string, "privileged": _boolean, "working_dir": _string,
    "environment": _environment,
}  # fmt: skip
_FILE_MOUNTS = _structs(
    {"source": _string, "target": _string, "uid": _string, "gid": _string, "mode": Pointer(_file_mode)}
)
_DEVICE_REQUESTS = _structs({
    "capabilities": _strings, "driver": _string, "count": _device_count, "device_ids": _strings, "options": _mapping,
})  # fmt: skip
_ROLLOUT = Pointer(_struct({
    "parallelism": Pointer(_integer), "delay": _duration_value, "failure_action": _string, "monitor": _duration_value,
    "max_failure_ratio": _float32, "order": _string,
}))  # fmt: skip
_DISCRETE = _struct({"kind": Pointer(_string), "value": Pointer(_integer)}, kind="", value=0)
_RESOURCE = Pointer(_struct({
    "cpus": _float32, "memory": _bytes, "pids": _integer, "devices": _DEVICE_REQUESTS,
    "generic_resources": _structs({"discrete_resource_spec": Pointer(_DISCRETE)}),
}))  # fmt: skip
_DEPLOY = _struct(
    {
        "mode": _string, "replicas": Pointer(_integer), "labels": _mapping, "update_config": _ROLLOUT,
        "rollback_config": _ROLLOUT, "endpoint_mode": _string,
        "resources": Pointer(_struct({"limits": _RESOURCE, "reservations": _RESOURCE})),
        "restart_policy": Pointer(_struct({
            "condition": _string, "delay": Pointer(_duration), "max_attempts": Pointer(_integer),
            "window": Pointer(_duration),
        })),
        "placement": Pointer(_struct({
            "constraints": _strings, "preferences": _structs({"spread": _string}), "max_replicas_per_node": _integer,
        })),
    },
    resources={}, placement={},
)  # fmt: skip
_BUILD = _struct({
    "context": _string, "dockerfile": _string, "dockerfile_inline": _string, "entitlements": _strings,
    "args": _environment, "provenance": _string, "sbom": _string, "ssh": _ssh, "labels": _mapping,
    "cache_from": _strings, "cache_to": _strings, "no_cache": _boolean, "additional_contexts": _mapping,
    "pull": _boolean, "extra_hosts": _hosts, "isolation": _string, "network": _string, "target": _string,
    "secrets": _FILE_MOUNTS, "shm_size": _bytes, "tags": _strings, "ulimits": _ulimits, "platforms": _strings,
    "privileged": _boolean,
})  # fmt: skip
_MOUNTS = _structs({
    "type": _string, "source": _string, "target": _string, "read_only": _boolean, "consistency": _string,
    "bind": Pointer(_struct({
        "selinux": _string, "propagation": _string, "create_host_path": _boolean, "recursive": _string,
    })),
    "volume": Pointer(_struct({"labels": _mapping, "nocopy": _boolean, "subpath": _string})),
    "tmpfs": Pointer(_struct({"size": _bytes, "mode": _unsigned})),
    "image": Pointer(_struct({"subpath": _string})),
})  # fmt: skip
_SERVICE: Struct = {
    **dict.fromkeys((
        "cgroup_parent", "cgroup", "cpuset", "container_name", "domainname", "hostname", "image", "ipc", "isolation",
        "mac_address", "network_mode", "pid", "platform", "pull_policy", "restart", "runtime", "stop_signal", "user",
        "userns_mode", "uts", "working_dir",
    ), _string),
    **dict.fromkeys((
        "cap_add", "cap_drop", "device_cgroup_rules", "dns", "dns_opt", "dns_search", "external_links", "group_add",
        "label_file", "links", "profiles", "security_opt", "tmpfs", "volumes_from",
    ), _strings),
    **dict.fromkeys((
        "cpu_count", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "oom_score_adj",
        "pids_limit",
    ), _integer),
    **dict.fromkeys(("mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness", "shm_size"), _bytes),
    **dict.fromkeys((
        "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty", "use_api_socket",
    ), _boolean),
    "attach": Pointer(_boolean), "init": Pointer(_boolean), "scale": Pointer(_integer),
    "annotations": _mapping, "labels": _mapping, "sysctls": _mapping, "environment": _environment,
    "build": Pointer(_BUILD), "command": Pointer(_command), "entrypoint": Pointer(_command),
    "cpu_percent": _float32, "cpus": _float32, "expose": _texts, "extra_hosts": _hosts, "ulimits": _ulimits,
    "configs": _FILE_MOUNTS, "secrets": _FILE_MOUNTS, "deploy": Pointer(_DEPLOY), "volumes": _MOUNTS,
    "gpus": _DEVICE_REQUESTS, "storage_opt": _plain_map, "stop_grace_period": Pointer(_duration),
    "blkio_config": Pointer(_struct({
        "weight": _integer, "weight_device": _blkio("Weight", _integer), "device_read_bps": _LIMIT,
        "device_read_iops": _LIMIT, "device_write_bps": _LIMIT, "device_write_iops": _LIMIT,
    })),
    "credential_spec": Pointer(_struct({"config": _string, "file": _string, "registry": _string})),
    "depends_on": _named(
        {"condition": _string, "restart": _boolean, "required": Pointer(_boolean)}, required=False
    ),
    "develop": Pointer(_struct({"watch": _structs(
        {
            "path": Pointer(_string), "action": Pointer(_string), "target": _string, "include": _strings,
            "exec": Pointer(_struct(_HOOK_FIELDS, command=None)), "ignore": _strings, "initial_sync": _boolean,
        },
        exec={"command": None},
    )})),
    "devices": _structs({"source": _string, "target": _string, "permissions": _string}),
    "env_file": _structs({"path": _string, "required": Pointer(_boolean), "format": _string}),
    "extends": Pointer(_struct({"file": _string, "service": _string})),
    "healthcheck": Pointer(_struct({
        "test": _test, "timeout": Pointer(_duration), "interval": Pointer(_duration), "retries": Pointer(_integer),
        "start_period": Pointer(_duration), "start_interval": Pointer(_duration), "disable": _boolean,
    })),
    "logging": Pointer(_struct({"driver": _string, "options": _mapping})),
    "models": _named({"endpoint_var": _string, "model_var": _string}),
    "networks": _named({
        "aliases": _strings, "driver_opts": _mapping, "gw_priority": _integer, "interface_name": _string,
        "ipv4_address": _string, "ipv6_address": _string, "link_local_ips": _strings, "mac_address": _string,
        "priority": _integer,
    }),
    "ports": _structs({
        "name": _string, "mode": _string, "host_ip": _string, "target": _unsigned, "published": _string,
        "protocol": _string, "app_protocol": _string,
    }),
    "post_start": _structs(_HOOK_FIELDS, command=None), "pre_stop": _structs(_HOOK_FIELDS, command=None),
    "provider": Pointer(_struct({"type": _string, "options": _many_options})),
}  # fmt: skip
_FILE_OBJECT: Struct = {
    "name": _string, "file": _string, "environment": _string, "content": _string, "external": _boolean,
    "labels": _mapping, "driver": _string, "driver_opts": _plain_map, "template_driver": _string,
}  # fmt: skip
_NETWORK: Struct = {
    "name": _string, "driver": _string, "driver_opts": _mapping, "external": _boolean, "internal": _boolean,
    "attachable": _boolean, "labels": _mapping, "enable_ipv4": Pointer(_boolean), "enable_ipv6": Pointer(_boolean),
    "ipam": Pointer(_struct({
        "driver": _string,
        "config": _structs({"subnet": _string, "gateway": _string, "ip_range": _string, "aux_addresses": _mapping}),
    })),
}  # fmt: skip
_VOLUME: Struct = {
    "name": _string, "driver": _string, "driver_opts": _mapping, "external": _boolean, "labels": _mapping,
}  # fmt: skip
_MODEL: Struct = {"name": _string, "model": _string, "context_size": _integer, "runtime_flags": _strings}
SECTIONS: dict[str, Struct] = {
    "services": _SERVICE, "networks": _NETWORK, "volumes": _VOLUME, "secrets": _FILE_OBJECT, "configs": _FILE_OBJECT,
    "models": _MODEL,
}  # fmt: skip
