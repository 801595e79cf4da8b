"""What the schema cannot say: attributes that exclude each other, and references to things that are not there.

Source: compose-go's ``validation`` package and its consistency check; the messages are compose's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migops.compose.ports import is_ip
from migops.compose.tree import Map, Mark, Seq, refuse
from migops.errors import MigopsError


def check_attributes(document: Map) -> None:
    """The checks that need one entry alone."""
    for name, volume, mark in _entries(document, "volumes"):
        _check_external(volume, f"volumes.{name}", mark)
    for name, config, mark in _entries(document, "configs"):
        _check_source(config, ("file", "environment", "content"), f"configs.{name}", mark)
    for name, secret, mark in _entries(document, "secrets"):
        _check_source(secret, ("file", "environment"), f"secrets.{name}", mark)
    for name, service, _ in _entries(document, "services"):
        _check_service(name, service)


def _check_external(volume: Map, path: str, mark: Mark) -> None:
    if volume.get("external") is not True:
        return
    for key in volume:
        if key not in ("name", "external") and not key.startswith("x-"):
            raise refuse(f'{path}: conflicting parameters "external" and "{key}" specified', volume.marks[key])


def _check_source(entry: Map, keys: tuple[str, ...], path: str, mark: Mark) -> None:
    given = [key for key in keys if key in entry]
    if len(given) > 1:
        raise refuse(f"{path}: {'|'.join(keys)} attributes are mutually exclusive", entry.marks[given[1]])
    if not given and "driver" not in entry and "external" not in entry:
        raise refuse(f"{path}: one of {'|'.join(keys)} must be set", mark)


def _check_service(name: str, service: Map) -> None:
    for port, _ in _maps(service.get("ports")):
        address = port.get("host_ip")
        if isinstance(address, str) and not is_ip(address):
            raise refuse(f"services.{name}.ports.[]: invalid ip address: {address}", port.marks["host_ip"])
    for watch, _ in _maps(_down(service, "develop", "watch")):
        if watch.get("path") == "":
            raise refuse(f"services.{name}.develop.watch.[].path: value can't be blank", watch.marks["path"])
    steps = ("deploy", "resources", "reservations", "devices")
    for path, devices in ((".".join(steps), _down(service, *steps)), ("gpus", service.get("gpus"))):
        for device, mark in _maps(devices):
            if "count" in device and "device_ids" in device:
                said = '"count" and "device_ids" attributes are exclusive'
                raise refuse(f"services.{name}.{path}.[]: {said}", mark)


def check_consistency(project: Mapping[str, Any], inactive: Mapping[str, Any], tree: Map) -> None:
    """Raise where the active services of a project contradict each other or themselves.

    ``project`` is the decoded document with its active services, ``inactive`` the services that no profile enables.
    """
    services: Map = tree.get("services") or Map()
    for name, service in project["services"].items():
        _Consistency(project, inactive, name, services[name], services.marks[name]).check(service)
    for name, secret in project.get("secrets", {}).items():
        if not secret.get("external") and not secret.get("file") and not secret.get("environment"):
            said = f'secret "{name}" must declare either `file` or `environment`: invalid compose project'
            raise refuse(said, tree["secrets"].marks[name])
    _check_cycles(project["services"], inactive, services)


class _Consistency:
    """The checks of one service; ``tree`` is it as written, for the places of what is wrong."""

    def __init__(self, project: Mapping[str, Any], inactive: Mapping[str, Any], name: str, tree: Map, mark: Mark) -> None:
        self.project = project
        self.inactive = inactive
        self.name = name
        self.tree = tree
        self.mark = mark

    def at(self, *path: str | int) -> Mark:
        """The mark of the deepest part of ``path`` that was written."""
        mark, value = self.mark, self.tree
        for step in path:
            marks = getattr(value, "marks", None)
            try:
                mark, value = marks[step], value[step]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                break
        return mark

    def invalid(self, message: str, *path: str | int) -> MigopsError:
        return refuse(f"{message}: invalid compose project", self.at(*path))

    def check(self, service: Mapping[str, Any]) -> None:
        if "build" not in service and not service.get("image") and "provider" not in service:
            raise self.invalid(f'service "{self.name}" has neither an image nor a build context specified')
        if "build" in service:
            self._check_build(service, service["build"])
        self._check_networks(service)
        test = (service.get("healthcheck") or {}).get("test")
        if test and test[0] not in ("CMD", "CMD-SHELL", "NONE"):
            said = 'healthcheck.test must start either by "CMD", "CMD-SHELL" or "NONE"'
            raise refuse(said, self.at("healthcheck", "test"))
        self._check_dependencies(service)
        self._check_references(service)
        self._check_scale(service)
        self._check_limits(service)
        for index, watch in enumerate((service.get("develop") or {}).get("watch", [])):
            if not watch.get("target") and watch["action"] not in ("rebuild", "restart"):
                said = f"services.{self.name}.develop.watch: target is required for non-rebuild actions"
                raise self.invalid(said, "develop", "watch", index)
        self._check_targets(service)

    def _check_build(self, service: Mapping[str, Any], build: Mapping[str, Any]) -> None:
        if build.get("dockerfile_inline") and build.get("dockerfile"):
            said = f'service "{self.name}" declares mutualy exclusive dockerfile and dockerfile_inline'
            raise self.invalid(said, "build", "dockerfile_inline")
        for added, context in build.get("additional_contexts", {}).items():
            if context.startswith("service:"):
                target = context.removeprefix("service:")
                found = self.project["services"].get(target)
                if found is None or "build" not in found:
                    kind = "unknown" if found is None else "non-buildable"
                    said = f'service "{self.name}" declares {kind} service "{target}" as additional contexts {added}'
                    raise refuse(said, self.at("build", "additional_contexts", added))
        platform = service.get("platform")
        if build.get("platforms") and platform and platform not in build["platforms"]:
            raise self.invalid(f'service.build.platforms MUST include service.platform "{platform}"', "platform")

    def _check_networks(self, service: Mapping[str, Any]) -> None:
        mode = service.get("network_mode", "")
        if mode and service.get("networks"):
            said = f"service {self.name} declares mutually exclusive `network_mode` and `networks`"
            raise self.invalid(said, "network_mode")
        for network in service.get("networks", {}):
            if network not in self.project.get("networks", {}):
                said = f'service "{self.name}" refers to undefined network {network}'
                raise self.invalid(said, "networks", network)
        if mode.startswith("service:") and mode.removeprefix("service:") not in self.project["services"]:
            target = mode.removeprefix("service:")
            said = f"service \"{target}\" not found for network_mode 'service:{target}'"
            raise refuse(said, self.at("network_mode"))

    def _check_dependencies(self, service: Mapping[str, Any]) -> None:
        for target, dependency in service.get("depends_on", {}).items():
            if target in self.project["services"] or (target in self.inactive and not dependency["required"]):
                continue
            said = f'service "{self.name}" depends on undefined service "{target}": invalid compose project'
            hint = ""
            if target in self.inactive:
                hint = f"{target} is only in profile {', '.join(self.inactive[target]['profiles'])}; enable it with --profile"
            raise refuse(said, self.at("depends_on", target), hint)

    def _check_references(self, service: Mapping[str, Any]) -> None:
        for index, volume in enumerate(service.get("volumes", [])):
            if volume.get("type") == "volume" and volume.get("source"):
                self._defined("volume", volume["source"], "volumes", index)
        for index, secret in enumerate((service.get("build") or {}).get("secrets", [])):
            self._defined("secret", secret.get("source", ""), "build", "secrets", index, said="build secret")
        for index, config in enumerate(service.get("configs", [])):
            self._defined("config", config.get("source", ""), "configs", index)
        for model in service.get("models", {}):
            self._defined("model", model, "models", model)
        for index, secret in enumerate(service.get("secrets", [])):
            self._defined("secret", secret.get("source", ""), "secrets", index)

    def _defined(self, kind: str, name: str, *path: str | int, said: str = "") -> None:
        if name not in self.project.get(f"{kind}s", {}):
            raise self.invalid(f'service "{self.name}" refers to undefined {said or kind} {name}', *path)

    def _check_scale(self, service: Mapping[str, Any]) -> None:
        scale, deploy = service.get("scale"), service.get("deploy")
        if scale is not None and deploy is not None:
            if deploy.get("replicas", scale) != scale:
                said = f"services.{self.name}: can't set distinct values on 'scale' and 'deploy.replicas'"
                raise self.invalid(said, "scale")
            deploy["replicas"] = scale
        replicas = (deploy or {}).get("replicas")
        for path, value in ((("scale",), scale), (("deploy", "replicas"), replicas)):
            if value is not None and value < 0:
                said = f"services.{self.name}.{'.'.join(path)}: must be greater than or equal to 0"
                raise refuse(said, self.at(*path))
        count = scale if scale is not None else replicas if replicas is not None else 1
        if count > 1 and service.get("container_name"):
            attribute = "deploy.replicas" if scale is None else "scale"
            said = f"services.{attribute}: can't set container_name and {self.name} as container name must be unique"
            raise self.invalid(said, "container_name")

    def _check_limits(self, service: Mapping[str, Any]) -> None:
        resources = (service.get("deploy") or {}).get("resources", {})
        for key, kind, below in (
            ("cpus", "limits", "cpus"),
            ("mem_limit", "limits", "memory"),
            ("mem_reservation", "reservations", "memory"),
            ("pids_limit", "limits", "pids"),
        ):
            value, section = service.get(key), resources.get(kind)
            if value and value != "0" and section is not None and section.get(below) != value:
                said = f"can't set distinct values on '{key}' and 'deploy.resources.{kind}.{below}'"
                raise self.invalid(f"services.{self.name}: {said}", key)

    def _check_targets(self, service: Mapping[str, Any]) -> None:
        mounts: dict[str, str] = {}
        for key, targets in (
            ("tmpfs", [entry.partition(":")[0] for entry in service.get("tmpfs", [])]),
            ("volumes", [volume.get("target", "") for volume in service.get("volumes", [])]),
        ):
            for index, target in enumerate(targets):
                place = f"services.{self.name}.{key}[{index}]"
                if target in mounts:
                    said = f"{place}: target {target} already mounted as {mounts[target]}"
                    raise refuse(said, self.at(key, index))
                mounts[target] = place


def check_container_names(services: Mapping[str, Any], tree: Map) -> None:
    """Raise where two active services have one container name."""
    owners: dict[str, str] = {}
    for name, service in services.items():
        container = service.get("container_name")
        if container and container in owners:
            said = f'services.{name}: container name "{container}" is already in use by service {owners[container]}"'
            raise refuse(said, tree["services"][name].marks["container_name"])
        if container:
            owners[container] = name


def _check_cycles(services: Mapping[str, Any], inactive: Mapping[str, Any], tree: Map) -> None:
    children: dict[str, list[str]] = {}
    for name, service in services.items():
        children[name] = []
        for target in service.get("depends_on", {}):
            if target in services:
                children[name].append(target)
    done: set[str] = set()
    for name in sorted(children):
        _search(name, children, [], done, tree)


def _search(name: str, children: Mapping[str, list[str]], path: list[str], done: set[str], tree: Map) -> None:
    if name in path:
        cycle = [*path[path.index(name) :], name]
        raise refuse(f"dependency cycle detected: {' -> '.join(cycle)}", tree[path[-1]].marks.get("depends_on"))
    if name in done:
        return
    for child in sorted(children[name]):
        _search(child, children, [*path, name], done, tree)
    done.add(name)


def _entries(document: Map, key: str) -> list[tuple[str, Map, Mark]]:
    section = document.get(key)
    if not isinstance(section, Map):
        return []
    return [(name, entry, section.marks[name]) for name, entry in section.items() if isinstance(entry, Map)]


def _maps(value: Any) -> list[tuple[Map, Mark]]:
    return [item for item in value.marked() if isinstance(item[0], Map)] if isinstance(value, Seq) else []


def _down(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Map) else None
    return value
