"""List items with the same identity: a variable, a mount target, a port. Only the last of them is kept.

Source: compose-go's ``override`` package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migops.compose.scalars import go_type, sprint
from migops.compose.table import Table, below, table
from migops.compose.tree import Map, Mark, Seq, refuse
from migops.compose.volumes import parse_volume

Marked = tuple[Any, Mark]


def keep_last(document: Map) -> None:
    """Keep the last of the list items with the same identity (variable, mount target, …), at the first one's index."""
    _keep_last(document, (), UNIQUE)


def _keep_last(value: Map, path: tuple[str, ...], rules: Table) -> None:
    for key, entry in value.items():
        identities = below(rules, key)
        if identities is None:
            continue
        if isinstance(entry, Map):
            _keep_last(entry, (*path, key), identities)
        elif isinstance(entry, Seq) and "" in identities:
            value[key] = _distinct(entry, (*path, key), identities[""])


def _distinct(items: Seq, path: tuple[str, ...], identify: Callable[[Any, str, Mark], Any]) -> Seq:
    kept: dict[Any, Marked] = {}
    for index, (item, mark) in enumerate(items.marked()):
        key = identify(item, f"{'.'.join(path)}.[{index}]", mark)
        replaced = kept.get(key)
        kept[key] = (item, Mark(mark.file, mark.line, replaced[1]) if replaced else mark)
    return items if len(kept) == len(items) else Seq.of(kept.values())


def _by_name(item: Any, path: str, mark: Mark) -> Any:
    if not isinstance(item, str):
        raise refuse(f"{path}: unexpected type {go_type(item)}", mark)
    return item.partition("=")[0]


def _by_target(item: Any, path: str, mark: Mark) -> Any:
    if isinstance(item, Map):
        if not isinstance(item.get("target"), str):
            raise refuse(f"service volume {path} is missing a mount target", mark)
        return item["target"]
    return parse_volume(item, mark).get("target", "") if isinstance(item, str) else ""


def _by_device(item: Any, path: str, mark: Mark) -> Any:
    if isinstance(item, Map):
        if not isinstance(item.get("target"), str):
            raise refuse(f"service device {path} is missing a mount target", mark)
        return item["target"]
    return (item.split(":") * 2)[1] if isinstance(item, str) else ""


def _by_exposed(item: Any, path: str, mark: Mark) -> Any:
    if isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool)):
        return str(item)
    raise refuse(f"{path}: unsupported expose value {sprint(item)}", mark)


def _by_port(item: Any, path: str, mark: Mark) -> Any:
    if isinstance(item, Map):
        if "target" not in item:
            hint = "write HOST:CONTAINER, both from 1 to 65535 (or only CONTAINER, for a free port of the host)"
            raise refuse(f"service ports {path} is missing a target port", mark, hint)
        named = {"host_ip": "0.0.0.0", "published": None, "protocol": "tcp", **item}  # noqa: S104 - compose's default
        # The type counts: 80 and "80" are two ports.
        entries = [named[key] for key in ("host_ip", "published", "target", "protocol")]
        return tuple((go_type(entry), sprint(entry)) for entry in entries)
    return str(item) if isinstance(item, (str, int)) else ""


def _by_env_file(item: Any, path: str, mark: Mark) -> Any:
    if isinstance(item, Map):
        if not isinstance(item.get("path"), str):
            raise refuse(f"environment path attribute {path} is missing", mark)
        return item["path"]
    return item if isinstance(item, str) else ""


def _by_file_target(folder: str) -> Callable[[Any, str, Mark], Any]:
    def identify(item: Any, path: str, mark: Mark) -> Any:
        if isinstance(item, str):
            return f"{folder}/{item}"
        if not isinstance(item, Map):
            raise refuse(f"{path}: unsupported expose value {sprint(item)}", mark)
        return item["target"] if isinstance(item.get("target"), str) else f"{folder}/{sprint(item.get('source'))}"

    return identify


UNIQUE = table({
    "services.*.devices": _by_device,
    "services.*.configs": _by_file_target(""),
    "services.*.secrets": _by_file_target("/run/secrets"),
    "services.*.env_file": _by_env_file,
    "services.*.expose": _by_exposed,
    "services.*.ports": _by_port,
    "services.*.volumes": _by_target,
    **dict.fromkeys(
        (
            "networks.*.labels", "networks.*.ipam.options", "services.*.annotations", "services.*.build.args",
            "services.*.build.additional_contexts", "services.*.build.platform", "services.*.build.tags",
            "services.*.build.labels", "services.*.cap_add", "services.*.cap_drop", "services.*.deploy.labels",
            "services.*.dns", "services.*.dns_opt", "services.*.dns_search", "services.*.environment",
            "services.*.labels", "services.*.links", "services.*.networks.*.aliases",
            "services.*.networks.*.link_local_ips", "services.*.profiles", "services.*.sysctls", "services.*.tmpfs",
        ),
        _by_name,
    ),
})  # fmt: skip
