"""Consistency of a whole project: services that contradict themselves, and references to undefined resources.

Source: compose-go's consistency check; the messages are compose's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migops.compose.tree import Map, Mark, raise_all, refuse
from migops.core.errors import MigopsError


def check_consistency(project: Mapping[str, Any], inactive: Mapping[str, Any], tree: Map) -> None:
    """Raise MigopsError if the active services of a project contradict each other or themselves.

    ``project`` is the decoded document with its active services, ``inactive`` the services that no profile enables.
    """
    services: Map = tree.get("services") or Map()
    faults = [
        fault
        for name, service in project["services"].items()
        for fault in _Consistency(project, inactive, name, services[name], services.marks[name]).faults(service)
    ]
    for name, secret in project.get("secrets", {}).items():
        if not secret.get("external") and not secret.get("file") and not secret.get("environment"):
            message = f'secret "{name}" must declare either `file` or `environment`: invalid compose project'
            faults.append(refuse(message, tree["secrets"].marks[name]))
    raise_all(faults)
    _check_cycles(project["services"], services)


class _Consistency:
    """The checks of one service; ``tree`` is the service as written, for the locations of its faults."""

    def __init__(
        self, project: Mapping[str, Any], inactive: Mapping[str, Any], name: str, tree: Map, mark: Mark
    ) -> None:
        self.project = project
        self.inactive = inactive
        self.name = name
        self.tree = tree
        self.mark = mark

    def at(self, *path: str | int) -> Mark:
        """The mark of the deepest part of ``path`` that the file contains."""
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

    def faults(self, service: Mapping[str, Any]) -> Iterator[MigopsError]:
        if "build" not in service and not service.get("image") and "provider" not in service:
            yield self.invalid(f'service "{self.name}" has neither an image nor a build context specified')
        if "build" in service:
            yield from self._build(service, service["build"])
        yield from self._networks(service)
        test = (service.get("healthcheck") or {}).get("test")
        if test and test[0] not in ("CMD", "CMD-SHELL", "NONE"):
            message = 'healthcheck.test must start either by "CMD", "CMD-SHELL" or "NONE"'
            yield refuse(message, self.at("healthcheck", "test"))
        yield from self._dependencies(service)
        yield from self._references(service)
        yield from self._scale(service)
        yield from self._limits(service)
        for index, watch in enumerate((service.get("develop") or {}).get("watch", [])):
            if not watch.get("target") and watch["action"] not in ("rebuild", "restart"):
                message = f"services.{self.name}.develop.watch: target is required for non-rebuild actions"
                yield self.invalid(message, "develop", "watch", index)
        yield from self._targets(service)

    def _build(self, service: Mapping[str, Any], build: Mapping[str, Any]) -> Iterator[MigopsError]:
        if build.get("dockerfile_inline") and build.get("dockerfile"):
            message = f'service "{self.name}" declares mutualy exclusive dockerfile and dockerfile_inline'
            yield self.invalid(message, "build", "dockerfile_inline")
        for added, context in build.get("additional_contexts", {}).items():
            target = context.removeprefix("service:")
            service_built = self.project["services"].get(target)
            if target != context and (service_built is None or "build" not in service_built):
                kind = "unknown" if service_built is None else "non-buildable"
                message = f'service "{self.name}" declares {kind} service "{target}" as additional contexts {added}'
                yield refuse(message, self.at("build", "additional_contexts", added))
        platform = service.get("platform")
        if build.get("platforms") and platform and platform not in build["platforms"]:
            yield self.invalid(f'service.build.platforms MUST include service.platform "{platform}"', "platform")

    def _networks(self, service: Mapping[str, Any]) -> Iterator[MigopsError]:
        mode = service.get("network_mode", "")
        if mode and service.get("networks"):
            message = f"service {self.name} declares mutually exclusive `network_mode` and `networks`"
            yield self.invalid(message, "network_mode")
        for network in service.get("networks", {}):
            if network not in self.project.get("networks", {}):
                message = f'service "{self.name}" refers to undefined network {network}'
                yield self.invalid(message, "networks", network)
        if mode.startswith("service:") and mode.removeprefix("service:") not in self.project["services"]:
            target = mode.removeprefix("service:")
            message = f"service \"{target}\" not found for network_mode 'service:{target}'"
            yield refuse(message, self.at("network_mode"))

    def _dependencies(self, service: Mapping[str, Any]) -> Iterator[MigopsError]:
        for target, dependency in service.get("depends_on", {}).items():
            if target in self.project["services"] or (target in self.inactive and not dependency["required"]):
                continue
            message = f'service "{self.name}" depends on undefined service "{target}": invalid compose project'
            hint = ""
            if target in self.inactive:
                profiles = ", ".join(self.inactive[target]["profiles"])
                hint = f"{target} is only in profile {profiles}; enable it with --profile"
            yield refuse(message, self.at("depends_on", target), hint)

    def _references(self, service: Mapping[str, Any]) -> Iterator[MigopsError]:
        for index, volume in enumerate(service.get("volumes", [])):
            if volume.get("type") == "volume" and volume.get("source"):
                yield from self._defined("volume", volume["source"], "volumes", index)
        for index, secret in enumerate((service.get("build") or {}).get("secrets", [])):
            yield from self._defined(
                "secret", secret.get("source", ""), "build", "secrets", index, label="build secret"
            )
        for index, config in enumerate(service.get("configs", [])):
            yield from self._defined("config", config.get("source", ""), "configs", index)
        for model in service.get("models", {}):
            yield from self._defined("model", model, "models", model)
        for index, secret in enumerate(service.get("secrets", [])):
            yield from self._defined("secret", secret.get("source", ""), "secrets", index)

    def _defined(self, kind: str, name: str, *path: str | int, label: str = "") -> Iterator[MigopsError]:
        if name not in self.project.get(f"{kind}s", {}):
            yield self.invalid(f'service "{self.name}" refers to undefined {label or kind} {name}', *path)

    def _scale(self, service: Mapping[str, Any]) -> Iterator[MigopsError]:
        scale, deploy = service.get("scale"), service.get("deploy")
        if scale is not None and deploy is not None:
            if deploy.get("replicas", scale) != scale:
                message = f"services.{self.name}: can't set distinct values on 'scale' and 'deploy.replicas'"
                yield self.invalid(message, "scale")
            deploy["replicas"] = scale
        replicas = (deploy or {}).get("replicas")
        for path, value in ((("scale",), scale), (("deploy", "replicas"), replicas)):
            if value is not None and value < 0:
                message = f"services.{self.name}.{'.'.join(path)}: must be greater than or equal to 0"
                yield refuse(message, self.at(*path))
        count = scale if scale is not None else replicas if replicas is not None else 1
        if count > 1 and service.get("container_name"):
            attribute = "deploy.replicas" if scale is None else "scale"
            message = f"services.{attribute}: can't set container_name and {self.name} as container name must be unique"
            yield self.invalid(message, "container_name")

    def _limits(self, service: Mapping[str, Any]) -> Iterator[MigopsError]:
        resources = (service.get("deploy") or {}).get("resources", {})
        for key, kind, below in (
            ("cpus", "limits", "cpus"),
            ("mem_limit", "limits", "memory"),
            ("mem_reservation", "reservations", "memory"),
            ("pids_limit", "limits", "pids"),
        ):
            value, section = service.get(key), resources.get(kind)
            if value and section is not None and section.get(below) != value:
                message = f"can't set distinct values on '{key}' and 'deploy.resources.{kind}.{below}'"
                yield self.invalid(f"services.{self.name}: {message}", key)

    def _targets(self, service: Mapping[str, Any]) -> Iterator[MigopsError]:
        mounts: dict[str, str] = {}
        for key, targets in (
            ("tmpfs", [entry.partition(":")[0] for entry in service.get("tmpfs", [])]),
            ("volumes", [volume.get("target", "") for volume in service.get("volumes", [])]),
        ):
            for index, target in enumerate(targets):
                place = f"services.{self.name}.{key}[{index}]"
                if target in mounts:
                    message = f"{place}: target {target} already mounted as {mounts[target]}"
                    yield refuse(message, self.at(key, index))
                mounts[target] = place


def check_container_names(services: Mapping[str, Any], tree: Map) -> None:
    """Raise MigopsError if two active services have the same container name."""
    owners: dict[str, str] = {}
    for name, service in services.items():
        container = service.get("container_name")
        if container and container in owners:
            message = f'services.{name}: container name "{container}" is already in use by service {owners[container]}"'
            raise refuse(message, tree["services"][name].marks["container_name"])
        if container:
            owners[container] = name


def _check_cycles(services: Mapping[str, Any], tree: Map) -> None:
    """Raise for circular dependencies between services. Iterative: chains of dependencies can be long."""
    children = {
        name: sorted(target for target in service.get("depends_on", {}) if target in services)
        for name, service in services.items()
    }
    done: set[str] = set()
    for name in sorted(children):
        path: dict[str, Iterator[str]] = {name: iter(children[name])}
        while path:
            last = next(reversed(path))
            child = next(path[last], None)
            if child is None:
                done.add(last)
                del path[last]
            elif child in path:
                steps = list(path)
                cycle = " -> ".join([*steps[steps.index(child) :], child])
                raise refuse(f"dependency cycle detected: {cycle}", tree[last]["depends_on"].marks[child])
            elif child not in done:
                path[child] = iter(children[child])
