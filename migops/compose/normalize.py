"""Values that compose adds after merging: default networks, implied dependencies, real names.

Source: compose-go's ``Normalize``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migops.compose.canonical import clean
from migops.compose.tree import Map, Mark, Seq

_NAMESPACES = ("network_mode", "ipc", "pid", "uts", "cgroup")


def normalize(document: Map, name: str, environment: Mapping[str, str], mark: Mark) -> None:
    """Complete the merged ``document`` in place; ``name`` is the project's."""
    document.put("name", name, document.marks.get("name", mark))
    services = document.get("services") or Map()
    _add_default_network(document, services, mark)
    for key, service in services.items():
        _normalize_service(service, environment, services.marks[key])
    for kind in ("networks", "volumes", "configs", "secrets"):
        if isinstance(document.get(kind), Map):
            _name_resources(document[kind], name)


def _add_default_network(document: Map, services: Map, mark: Mark) -> None:
    used = False
    for key, service in services.items():
        if "provider" in service or "network_mode" in service:
            continue
        if not service.get("networks"):
            service.put("networks", Map.of([("default", None)], services.marks[key]), services.marks[key])
        used = used or "default" in service["networks"]
    networks = document.get("networks") or Map()
    if used and "default" not in networks:
        networks.put("default", None, mark)
    if networks and "networks" not in document:
        document.put("networks", networks, mark)
    elif networks:
        document["networks"] = networks


def _normalize_service(service: Map, environment: Mapping[str, str], mark: Mark) -> None:
    if service.get("pull_policy") == "if_not_present":
        service["pull_policy"] = "missing"
    build = service.get("build")
    if isinstance(build, Map):
        if build.get("context") is None:
            build.put("context", ".", service.marks["build"])
        if build.get("dockerfile") is None and build.get("dockerfile_inline") is None:
            build.put("dockerfile", "Dockerfile", service.marks["build"])
        if "args" in build:
            build["args"] = _resolve(build["args"], environment, keep_unset=False)
    if "environment" in service:
        service["environment"] = _resolve(service["environment"], environment, keep_unset=True)
    for hook in service.get("pre_start") or ():
        if "image" not in hook and service.get("image"):
            hook.put("image", service["image"], service.marks["image"])
        if "environment" in hook:
            hook["environment"] = _resolve(hook["environment"], environment, keep_unset=True)
    for volume in service.get("volumes") or ():
        if isinstance(volume, Map):
            volume["target"] = clean(volume.get("target", ""))
    _imply_dependencies(service, mark)


def _imply_dependencies(service: Map, mark: Mark) -> None:
    depends_on = service.get("depends_on") or Map()

    def imply(target: str, at: Mark, restart: bool) -> None:
        if target not in depends_on:
            entries = (("condition", "service_started"), ("restart", restart), ("required", True))
            depends_on.put(target, Map.of(entries, at), at)

    links = service.get("links")
    for link, at in links.marked() if isinstance(links, Seq) else ():
        parts = link.split(":")
        imply(parts[0] if len(parts) == 2 else link, at, restart=True)
    for namespace in _NAMESPACES:
        shared = service.get(namespace)
        if isinstance(shared, str) and shared.startswith("service:"):
            imply(shared.removeprefix("service:"), service.marks[namespace], restart=True)
    sources = service.get("volumes_from")
    for source, at in sources.marked() if isinstance(sources, Seq) else ():
        if not source.startswith("container:"):
            imply(source.split(":")[0], at, restart=False)
    if depends_on:
        service.put("depends_on", depends_on, service.marks.get("depends_on", mark))


def _resolve(value: Any, environment: Mapping[str, str], *, keep_unset: bool) -> Any:
    """Fill in names without a value from the environment; unset ones are kept (``keep_unset``) or dropped."""
    if isinstance(value, Seq):
        items = []
        for item, mark in value.marked():
            if "=" not in item and item in environment:
                items.append((f"{item}={environment[item]}", mark))
            elif "=" in item or keep_unset:
                items.append((item, mark))
        return Seq.of(items)
    if not isinstance(value, Map):
        return value
    made = Map()
    for key, entry in value.items():
        if entry is None and key in environment:
            entry = environment[key]
        if entry is not None or keep_unset:
            made.put(key, entry, value.marks[key])
    return made


def _name_resources(resources: Map, project: str) -> None:
    for key, resource in resources.items():
        if resource is None:
            resources[key] = resource = Map()
        if resource.get("name") is None:
            external = str(resource.get("external", False)) in ("True", "true", "1", "t", "T", "TRUE")
            resource.put("name", key if external else f"{project}_{key}", resources.marks[key])
