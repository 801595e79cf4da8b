"""The types of a compose file's values, as a table. Source: the Compose Specification's schema."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(slots=True)
class Rule:
    """The values that a key accepts. ``alternatives``: at least one of them must match."""

    types: tuple[str, ...] = ()  # empty: any type
    keys: dict[str, Rule] = field(default_factory=dict)  # of an object: the known keys
    names: re.Pattern[str] | None = None  # of an object: further allowed names
    others: Rule | None = None  # the rule of the keys that match ``names``
    closed: bool = False  # True: any other key is an error
    extensible: bool = True  # True: ``x-*`` keys are allowed nevertheless
    required: tuple[str, ...] = ()
    items: Rule | None = None  # of a list
    unique: bool = False  # of a list: no two equal items
    choices: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    least: int | None = None
    most: int | None = None
    alternatives: tuple[Rule, ...] = ()


def _of(*types: str) -> Rule:
    return Rule(types)


def _list(items: Rule, unique: bool = False) -> Rule:
    return Rule(("array",), items=items, unique=unique)


def _object(keys: dict[str, Rule], required: tuple[str, ...] = (), extensible: bool = True, null: bool = False) -> Rule:
    types = ("object", "null") if null else ("object",)
    return Rule(types, keys=keys, closed=True, extensible=extensible, required=required)


def _named(others: Rule, names: str = ".+", closed: bool = False, null: bool = False) -> Rule:
    types = ("object", "null") if null else ("object",)
    return Rule(types, names=re.compile(names), others=others, closed=closed, extensible=False)


def _either(*rules: Rule) -> Rule:
    return Rule(alternatives=rules)


_KEY = r"[a-zA-Z0-9._-]+\Z"
_STRING = _of("string")
_BOOLEAN = _of("boolean", "string")
_INTEGER = _of("integer", "string")
_NUMBER = _of("number", "string")
_STRINGS = _list(_STRING)
_SET = _list(_STRING, unique=True)
_STRING_OR_LIST = _either(_STRING, _SET)
_DICT_OR_LIST = _either(_named(_of("string", "number", "boolean", "null"), closed=True), _SET)
_COMMAND = _either(_of("null"), _STRING, _STRINGS)
_HOSTS = _either(_named(_either(_STRING, _STRINGS), closed=True), _SET)
_OPTIONS = _named(_NUMBER)
_EXTERNAL = Rule(("boolean", "string", "object"), keys={"name": _STRING}, closed=True)
_OPEN_EXTERNAL = Rule(("boolean", "string", "object"), keys={"name": _STRING})
_LIMIT = Rule(
    ("object",), names=re.compile(r"[a-z]+\Z"),
    others=_either(_INTEGER, _object({"hard": _INTEGER, "soft": _INTEGER}, required=("soft", "hard"))),
)  # fmt: skip
_FILES = _list(_either(
    _STRING,
    _object({"source": _STRING, "target": _STRING, "uid": _STRING, "gid": _STRING, "mode": _NUMBER}),
))  # fmt: skip
_HOOK = _object(
    {
        "command": _COMMAND, "user": _STRING, "privileged": _BOOLEAN, "working_dir": _STRING,
        "environment": _DICT_OR_LIST,
    },
    required=("command",),
)  # fmt: skip
_DEVICE_KEYS = {
    "capabilities": _SET, "count": _INTEGER, "device_ids": _SET, "driver": _STRING, "options": _DICT_OR_LIST,
}  # fmt: skip
_ROLLOUT = _object({
    "parallelism": _INTEGER, "delay": _STRING, "failure_action": _STRING, "monitor": _STRING,
    "max_failure_ratio": _NUMBER, "order": Rule(("string",), choices=("start-first", "stop-first")),
})  # fmt: skip
_DEPLOY = _object(
    {
        "mode": _STRING, "endpoint_mode": _STRING, "replicas": _INTEGER, "labels": _DICT_OR_LIST,
        "rollback_config": _ROLLOUT, "update_config": _ROLLOUT,
        "resources": _object({
            "limits": _object({"cpus": _NUMBER, "memory": _STRING, "pids": _INTEGER}),
            "reservations": _object({
                "cpus": _NUMBER, "memory": _STRING,
                "generic_resources": _list(_object({
                    "discrete_resource_spec": _object({"kind": _STRING, "value": _NUMBER}),
                })),
                "devices": _list(_object(_DEVICE_KEYS, required=("capabilities",))),
            }),
        }),
        "restart_policy": _object({
            "condition": _STRING, "delay": _STRING, "max_attempts": _INTEGER, "window": _STRING,
        }),
        "placement": _object({
            "constraints": _STRINGS, "preferences": _list(_object({"spread": _STRING})),
            "max_replicas_per_node": _INTEGER,
        }),
    },
    null=True,
)  # fmt: skip
_BUILD = _object({
    "context": _STRING, "dockerfile": _STRING, "dockerfile_inline": _STRING, "entitlements": _STRINGS,
    "args": _DICT_OR_LIST, "ssh": _DICT_OR_LIST, "labels": _DICT_OR_LIST, "cache_from": _STRINGS,
    "cache_to": _STRINGS, "no_cache": _BOOLEAN, "no_cache_filter": _STRING_OR_LIST, "network": _STRING,
    "additional_contexts": _DICT_OR_LIST,
    "provenance": _BOOLEAN, "sbom": _BOOLEAN, "pull": _BOOLEAN, "target": _STRING, "shm_size": _INTEGER,
    "extra_hosts": _HOSTS, "isolation": _STRING, "privileged": _BOOLEAN, "secrets": _FILES, "tags": _STRINGS,
    "ulimits": _LIMIT, "platforms": _STRINGS,
})  # fmt: skip
_MOUNT = _object(
    {
        "type": Rule(("string",), choices=("bind", "volume", "tmpfs", "cluster", "npipe", "image")),
        "source": _STRING, "target": _STRING, "read_only": _BOOLEAN, "consistency": _STRING,
        "bind": _object({
            "propagation": _STRING, "create_host_path": _BOOLEAN,
            "recursive": Rule(("string",), choices=("enabled", "disabled", "writable", "readonly")),
            "selinux": Rule(("string",), choices=("z", "Z")),
        }),
        "volume": _object({"labels": _DICT_OR_LIST, "nocopy": _BOOLEAN, "subpath": _STRING}),
        "tmpfs": _object({"size": _either(Rule(("integer",), least=0), _STRING), "mode": _NUMBER}),
        "image": _object({"subpath": _STRING}),
    },
    required=("type",),
)  # fmt: skip
_PORT = _object({
    "name": _STRING, "mode": _STRING, "host_ip": _STRING, "target": _INTEGER, "published": _of("string", "integer"),
    "protocol": _STRING, "app_protocol": _STRING,
})  # fmt: skip
_DEPENDENCY = _object(
    {
        "restart": _BOOLEAN, "required": _of("boolean"),
        "condition": Rule(
            ("string",), choices=("service_started", "service_healthy", "service_completed_successfully")
        ),
    },
    required=("condition",),
)  # fmt: skip
_SERVICE_NETWORK = Rule(
    ("object",), closed=True,
    keys={
        "aliases": _SET, "interface_name": _STRING, "ipv4_address": _STRING, "ipv6_address": _STRING,
        "link_local_ips": _SET, "mac_address": _STRING, "driver_opts": _OPTIONS, "priority": _of("number"),
        "gw_priority": _of("number"),
    },
)  # fmt: skip
_WATCH = _object(
    {
        "ignore": _STRING_OR_LIST, "include": _STRING_OR_LIST, "path": _STRING, "target": _STRING, "exec": _HOOK,
        "action": Rule(("string",), choices=("rebuild", "sync", "restart", "sync+restart", "sync+exec")),
        "initial_sync": _of("boolean"),
    },
    required=("path", "action"),
)  # fmt: skip
_BLKIO_LIMITS = _list(_object({"path": _STRING, "rate": _INTEGER}, extensible=False))
_PULL_POLICY = "always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+"
_SERVICE_KEYS = {
    "develop": _object({"watch": _list(_WATCH)}, null=True),
    "deploy": _DEPLOY,
    "annotations": _DICT_OR_LIST,
    "attach": _BOOLEAN,
    "build": _either(_STRING, _BUILD),
    "blkio_config": _object({
        "device_read_bps": _BLKIO_LIMITS, "device_read_iops": _BLKIO_LIMITS, "device_write_bps": _BLKIO_LIMITS,
        "device_write_iops": _BLKIO_LIMITS, "weight": _INTEGER,
        "weight_device": _list(_object({"path": _STRING, "weight": _INTEGER}, extensible=False)),
    }, extensible=False),
    "cap_add": _SET, "cap_drop": _SET,
    "cgroup": Rule(("string",), choices=("host", "private")),
    "command": _COMMAND, "configs": _FILES,
    "container_name": Rule(("string",), pattern=re.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]+")),
    "cpu_count": _either(_STRING, Rule(("integer",), least=0)),
    "cpu_percent": _either(_STRING, Rule(("integer",), least=0, most=100)),
    "credential_spec": _object({"config": _STRING, "file": _STRING, "registry": _STRING}),
    "depends_on": _either(_SET, Rule(
        ("object",), names=re.compile(_KEY), others=_DEPENDENCY, closed=True, extensible=False
    )),
    "device_cgroup_rules": _SET,
    "devices": _list(_either(
        _STRING, _object({"source": _STRING, "target": _STRING, "permissions": _STRING}, required=("source",))
    )),
    "dns": _STRING_OR_LIST, "dns_opt": _SET, "dns_search": _STRING_OR_LIST, "entrypoint": _COMMAND,
    "env_file": _either(_STRING, _list(_either(
        _STRING,
        _object({"path": _STRING, "format": _STRING, "required": _BOOLEAN}, required=("path",), extensible=False),
    ))),
    "label_file": _either(_STRING, _STRINGS), "environment": _DICT_OR_LIST,
    "expose": _list(_NUMBER, unique=True),
    "extends": _either(
        _STRING, _object({"service": _STRING, "file": _STRING}, required=("service",), extensible=False)
    ),
    "provider": _object(
        {"type": _STRING, "options": _named(_either(
            _of("string", "number", "boolean"), _list(_of("string", "number", "boolean"))
        ))},
        required=("type",),
    ),
    "external_links": _SET, "extra_hosts": _HOSTS,
    "gpus": _either(
        Rule(("string",), choices=("all",)), _list(Rule(("object",), keys=_DEVICE_KEYS))
    ),
    "group_add": _list(_NUMBER, unique=True),
    "healthcheck": _object({
        "disable": _BOOLEAN, "interval": _STRING, "retries": _NUMBER, "test": _either(_STRING, _STRINGS),
        "timeout": _STRING, "start_period": _STRING, "start_interval": _STRING,
    }),
    "labels": _DICT_OR_LIST, "links": _SET,
    "logging": _object({"driver": _STRING, "options": _named(_of("string", "number", "null"))}),
    "mem_reservation": _INTEGER, "mem_swappiness": _INTEGER,
    "models": _either(_SET, _named(
        _either(_object({"endpoint_var": _STRING, "model_var": _STRING}), _of("null")), _KEY
    )),
    "networks": _either(_SET, _named(_either(_SERVICE_NETWORK, _of("null")), _KEY, closed=True)),
    "oom_score_adj": _either(_STRING, Rule(("integer",), least=-1000, most=1000)),
    "pid": _of("string", "null"),
    "ports": _list(_either(_of("number"), _STRING, _PORT), unique=True),
    "post_start": _list(_HOOK), "pre_stop": _list(_HOOK), "profiles": _SET,
    "pull_policy": Rule(("string",), pattern=re.compile(_PULL_POLICY)),
    "scale": _INTEGER, "security_opt": _SET, "secrets": _FILES, "sysctls": _DICT_OR_LIST,
    "storage_opt": _of("object"), "tmpfs": _STRING_OR_LIST, "ulimits": _LIMIT, "use_api_socket": _of("boolean"),
    "volumes": _list(_either(_STRING, _MOUNT), unique=True), "volumes_from": _SET,
    **dict.fromkeys((
        "cgroup_parent", "cpuset", "domainname", "hostname", "image", "ipc", "isolation", "mac_address",
        "network_mode", "platform", "pull_refresh_after", "restart", "runtime", "stop_grace_period", "stop_signal",
        "user", "uts", "userns_mode", "working_dir",
    ), _STRING),
    **dict.fromkeys(("init", "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty"), _BOOLEAN),
    **dict.fromkeys((
        "cpu_shares", "cpu_quota", "cpu_period", "cpu_rt_period", "cpu_rt_runtime", "cpus", "mem_limit",
        "memswap_limit", "pids_limit", "shm_size",
    ), _NUMBER),
}  # fmt: skip
OF_WORKLOADS = frozenset({"build", "depends_on", "expose", "healthcheck", "ports", "stdin_open", "tty"})
OF_SERVICES = frozenset({
    "attach", "container_name", "deploy", "develop", "extends", "external_links", "links", "models", "post_start",
    "pre_stop", "profiles", "provider", "pull_refresh_after", "restart", "scale",
})  # fmt: skip
"""The keys of a service that describe more than one container: no ``pre_start`` hook has them."""
CONTAINER_KEYS = frozenset(_SERVICE_KEYS) - OF_WORKLOADS - OF_SERVICES
_PRE_START = _object({**{key: _SERVICE_KEYS[key] for key in CONTAINER_KEYS}, "per_replica": _BOOLEAN})
_SERVICE = _object({**_SERVICE_KEYS, "pre_start": _list(_PRE_START)})
_SCHEDULE = _object({"cron": _STRING, "timezone": _STRING, "concurrency": _STRING, "missed_fires": _STRING})
_JOB = _object({
    **{key: _SERVICE_KEYS[key] for key in CONTAINER_KEYS | OF_WORKLOADS}, "profiles": _SET,
    "triggers": _object({"manual": _BOOLEAN, "schedule": _list(_either(_STRING, _SCHEDULE))}),
})  # fmt: skip
_NETWORK = _object(
    {
        "name": _STRING, "driver": _STRING, "driver_opts": _OPTIONS, "external": _EXTERNAL, "internal": _BOOLEAN,
        "enable_ipv4": _BOOLEAN, "enable_ipv6": _BOOLEAN, "attachable": _BOOLEAN, "labels": _DICT_OR_LIST,
        "ipam": _object({
            "driver": _STRING, "options": _named(_STRING, closed=True),
            "config": _list(_object({
                "subnet": _STRING, "ip_range": _STRING, "gateway": _STRING,
                "aux_addresses": _named(_STRING, closed=True),
            })),
        }),
    },
    null=True,
)  # fmt: skip
_VOLUME = _object(
    {"name": _STRING, "driver": _STRING, "driver_opts": _OPTIONS, "external": _EXTERNAL, "labels": _DICT_OR_LIST},
    null=True,
)
_SECRET = _object({
    "name": _STRING, "environment": _STRING, "file": _STRING, "external": _OPEN_EXTERNAL, "labels": _DICT_OR_LIST,
    "driver": _STRING, "driver_opts": _OPTIONS, "template_driver": _STRING,
})  # fmt: skip
_CONFIG = _object({
    "name": _STRING, "content": _STRING, "environment": _STRING, "file": _STRING, "external": _OPEN_EXTERNAL,
    "labels": _DICT_OR_LIST, "template_driver": _STRING,
})  # fmt: skip
_MODEL = _object(
    {"name": _STRING, "model": _STRING, "context_size": _of("integer"), "runtime_flags": _STRINGS},
    required=("model",),
)
_INCLUDE = _either(_STRING, _object(
    {"path": _STRING_OR_LIST, "env_file": _STRING_OR_LIST, "project_directory": _STRING}, extensible=False
))  # fmt: skip
DOCUMENT = _object({
    "version": _STRING, "name": _STRING, "include": _list(_INCLUDE),
    "services": _named(_SERVICE, _KEY, closed=True), "jobs": _named(_JOB, _KEY, closed=True),
    "models": _named(_MODEL, _KEY), "networks": _named(_NETWORK, _KEY), "volumes": _named(_VOLUME, _KEY, closed=True),
    "secrets": _named(_SECRET, _KEY, closed=True), "configs": _named(_CONFIG, _KEY, closed=True),
})  # fmt: skip
