"""The structures of compose's model: their keys, and the reader of each. Source: compose-go's ``types`` package."""

from __future__ import annotations

from migops.compose.readers import (
    Pointer,
    Struct,
    blkio,
    boolean,
    byte_size,
    command,
    device_count,
    environment,
    file_mode,
    health_test,
    hosts,
    integer,
    many_options,
    mapping,
    named,
    plain_map,
    set_time_span,
    single,
    ssh_keys,
    string,
    strings,
    struct,
    structs,
    texts,
    time_span,
    ulimits,
    unsigned,
)
from migops.compose.specification import CONTAINER_KEYS

_LIMIT = blkio("Rate", byte_size)
_HOOK_FIELDS: Struct = {
    "command": Pointer(command), "user": string, "privileged": boolean, "working_dir": string,
    "environment": environment,
}  # fmt: skip
_FILE_MOUNTS = structs({"source": string, "target": string, "uid": string, "gid": string, "mode": Pointer(file_mode)})
_DEVICE_REQUESTS = structs({
    "capabilities": strings, "driver": string, "count": device_count, "device_ids": strings, "options": mapping,
})  # fmt: skip
_ROLLOUT = Pointer(struct({
    "parallelism": Pointer(integer), "delay": set_time_span, "failure_action": string, "monitor": set_time_span,
    "max_failure_ratio": single, "order": string,
}))  # fmt: skip
_DISCRETE = struct({"kind": Pointer(string), "value": Pointer(integer)}, kind="", value=0)
_RESOURCE = Pointer(struct({
    "cpus": single, "memory": byte_size, "pids": integer, "devices": _DEVICE_REQUESTS,
    "generic_resources": structs({"discrete_resource_spec": Pointer(_DISCRETE)}),
}))  # fmt: skip
_DEPLOY = struct(
    {
        "mode": string, "replicas": Pointer(integer), "labels": mapping, "update_config": _ROLLOUT,
        "rollback_config": _ROLLOUT, "endpoint_mode": string,
        "resources": Pointer(struct({"limits": _RESOURCE, "reservations": _RESOURCE})),
        "restart_policy": Pointer(struct({
            "condition": string, "delay": Pointer(time_span), "max_attempts": Pointer(integer),
            "window": Pointer(time_span),
        })),
        "placement": Pointer(struct({
            "constraints": strings, "preferences": structs({"spread": string}), "max_replicas_per_node": integer,
        })),
    },
    resources={}, placement={},
)  # fmt: skip
_BUILD = struct({
    "context": string, "dockerfile": string, "dockerfile_inline": string, "entitlements": strings,
    "args": environment, "provenance": string, "sbom": string, "ssh": ssh_keys, "labels": mapping,
    "cache_from": strings, "cache_to": strings, "no_cache": boolean, "no_cache_filter": strings,
    "additional_contexts": mapping, "pull": boolean, "extra_hosts": hosts, "isolation": string, "network": string,
    "target": string, "secrets": _FILE_MOUNTS, "shm_size": byte_size, "tags": strings, "ulimits": ulimits,
    "platforms": strings, "privileged": boolean,
})  # fmt: skip
_MOUNTS = structs({
    "type": string, "source": string, "target": string, "read_only": boolean, "consistency": string,
    "bind": Pointer(struct({
        "selinux": string, "propagation": string, "create_host_path": boolean, "recursive": string,
    })),
    "volume": Pointer(struct({"labels": mapping, "nocopy": boolean, "subpath": string})),
    "tmpfs": Pointer(struct({"size": byte_size, "mode": unsigned})),
    "image": Pointer(struct({"subpath": string})),
})  # fmt: skip
_SERVICE: Struct = {
    **dict.fromkeys((
        "cgroup_parent", "cgroup", "cpuset", "container_name", "domainname", "hostname", "image", "ipc", "isolation",
        "mac_address", "network_mode", "pid", "platform", "pull_policy", "restart", "runtime", "stop_signal", "user",
        "userns_mode", "uts", "working_dir",
    ), string),
    **dict.fromkeys((
        "cap_add", "cap_drop", "device_cgroup_rules", "dns", "dns_opt", "dns_search", "external_links", "group_add",
        "label_file", "links", "profiles", "security_opt", "tmpfs", "volumes_from",
    ), strings),
    **dict.fromkeys((
        "cpu_count", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "oom_score_adj",
        "pids_limit",
    ), integer),
    **dict.fromkeys(("mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness", "shm_size"), byte_size),
    **dict.fromkeys((
        "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty", "use_api_socket",
    ), boolean),
    "attach": Pointer(boolean), "init": Pointer(boolean), "scale": Pointer(integer),
    "annotations": mapping, "labels": mapping, "sysctls": mapping, "environment": environment,
    "build": Pointer(_BUILD), "command": Pointer(command), "entrypoint": Pointer(command),
    "cpu_percent": single, "cpus": single, "expose": texts, "extra_hosts": hosts, "ulimits": ulimits,
    "configs": _FILE_MOUNTS, "secrets": _FILE_MOUNTS, "deploy": Pointer(_DEPLOY), "volumes": _MOUNTS,
    "gpus": _DEVICE_REQUESTS, "storage_opt": plain_map, "stop_grace_period": Pointer(time_span),
    "blkio_config": Pointer(struct({
        "weight": integer, "weight_device": blkio("Weight", integer), "device_read_bps": _LIMIT,
        "device_read_iops": _LIMIT, "device_write_bps": _LIMIT, "device_write_iops": _LIMIT,
    })),
    "credential_spec": Pointer(struct({"config": string, "file": string, "registry": string})),
    "depends_on": named(
        {"condition": string, "restart": boolean, "required": Pointer(boolean)}, required=False
    ),
    "develop": Pointer(struct({"watch": structs(
        {
            "path": Pointer(string), "action": Pointer(string), "target": string, "include": strings,
            "exec": Pointer(struct(_HOOK_FIELDS, command=None)), "ignore": strings, "initial_sync": boolean,
        },
        exec={"command": None},
    )})),
    "devices": structs({"source": string, "target": string, "permissions": string}),
    "env_file": structs({"path": string, "required": Pointer(boolean), "format": string}),
    "extends": Pointer(struct({"file": string, "service": string})),
    "healthcheck": Pointer(struct({
        "test": health_test, "timeout": Pointer(time_span), "interval": Pointer(time_span), "retries": Pointer(integer),
        "start_period": Pointer(time_span), "start_interval": Pointer(time_span), "disable": boolean,
    })),
    "logging": Pointer(struct({"driver": string, "options": mapping})),
    "models": named({"endpoint_var": string, "model_var": string}),
    "networks": named({
        "aliases": strings, "driver_opts": mapping, "gw_priority": integer, "interface_name": string,
        "ipv4_address": string, "ipv6_address": string, "link_local_ips": strings, "mac_address": string,
        "priority": integer,
    }),
    "ports": structs({
        "name": string, "mode": string, "host_ip": string, "target": unsigned, "published": string,
        "protocol": string, "app_protocol": string,
    }),
    "post_start": structs(_HOOK_FIELDS, command=None), "pre_stop": structs(_HOOK_FIELDS, command=None),
    "provider": Pointer(struct({"type": string, "options": many_options})),
}  # fmt: skip
_SERVICE["pre_start"] = structs(
    {**{key: read for key, read in _SERVICE.items() if key in CONTAINER_KEYS}, "per_replica": boolean}
)
_FILE_OBJECT: Struct = {
    "name": string, "file": string, "environment": string, "content": string, "external": boolean,
    "labels": mapping, "driver": string, "driver_opts": plain_map, "template_driver": string,
}  # fmt: skip
_NETWORK: Struct = {
    "name": string, "driver": string, "driver_opts": mapping, "external": boolean, "internal": boolean,
    "attachable": boolean, "labels": mapping, "enable_ipv4": Pointer(boolean), "enable_ipv6": Pointer(boolean),
    "ipam": Pointer(struct({
        "driver": string,
        "config": structs({"subnet": string, "gateway": string, "ip_range": string, "aux_addresses": mapping}),
    })),
}  # fmt: skip
_VOLUME: Struct = {
    "name": string, "driver": string, "driver_opts": mapping, "external": boolean, "labels": mapping,
}  # fmt: skip
_MODEL: Struct = {"name": string, "model": string, "context_size": integer, "runtime_flags": strings}
SECTIONS: dict[str, Struct] = {
    "services": _SERVICE, "networks": _NETWORK, "volumes": _VOLUME, "secrets": _FILE_OBJECT, "configs": _FILE_OBJECT,
    "models": _MODEL,
}  # fmt: skip
