"""The decoded document → the frozen ``Project`` that all other rooms use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from migops.compose.discovery import DiscoveredProject
from migops.compose.model import (
    Build,
    Dependency,
    FileMount,
    Healthcheck,
    Hook,
    Mount,
    Network,
    Project,
    Service,
    Volume,
)
from migops.compose.notes import Notes
from migops.compose.scalars import rfc3339
from migops.compose.table import Table, below
from migops.compose.tree import Map, Seq, Timestamp, plain
from migops.compose.unique import UNIQUE
from migops.compose.unread import ALL_READ, Unread
from migops.core.location import Location

Json = dict[str, Any]


def active(services: Json, profiles: tuple[str, ...]) -> tuple[Json, Json]:
    """Split services into those that the enabled profiles activate, and the others."""
    on: Json = {}
    off: Json = {}
    for name, service in services.items():
        wanted = service.get("profiles", [])
        enabled = not wanted or "*" in profiles or any(profile in ("", *profiles) for profile in wanted)
        (on if enabled else off)[name] = service
    return on, off


def build_project(
    name: str, discovered: DiscoveredProject, environment: Mapping[str, str], document: Json, inactive: Json, tree: Map,
    notes: Notes, unread: Mapping[str, tuple[Unread, ...]],
) -> Project:  # fmt: skip
    """Build the project; ``document`` contains the active services only.

    ``unread``: what the env files of each of them, and of its hooks, leave unknown.
    """
    volumes = {key: _volume(key, entry, tree) for key, entry in document.get("volumes", {}).items()}
    services: Map = tree.get("services") or Map()

    def service(key: str, raw: Json) -> Service:
        made = _service(key, raw, services[key], services.marks[key].location, name, volumes)
        own, *of_hooks = unread.get(key, (ALL_READ,) * (len(made.pre_start) + 1))
        hooks = tuple(replace(hook, unread=each) for hook, each in zip(made.pre_start, of_hooks, strict=True))
        return replace(made, unread=own, pre_start=hooks) if own or any(of_hooks) else made

    return Project(
        name=name,
        directory=discovered.directory,
        files=discovered.files,
        profiles=discovered.profiles,
        services={key: service(key, raw) for key, raw in document["services"].items()},
        inactive={key: service(key, raw) for key, raw in inactive.items()},
        volumes=volumes,
        networks={key: _network(key, entry, tree) for key, entry in document.get("networks", {}).items()},
        models=document.get("models", {}),
        extensions={key: plain(value) for key, value in tree.items() if key.startswith("x-")},
        environment=environment,
        resolved=_resolved(name, document, tree, notes),
        tree=tree,
        warnings=tuple(notes.texts),
        notices=tuple(notes.notices),
        unknown_keys=tuple(notes.unknown),
        env_files=discovered.env_files,
    )


def uninterpolated(
    name: str, discovered: DiscoveredProject, environment: Mapping[str, str], tree: Map, notes: Notes
) -> Project:
    """The project of a document without substitution: services are only in ``resolved``, by name."""
    nothing: Json = {}
    return Project(
        name, discovered.directory, discovered.files, discovered.profiles,
        nothing, nothing, nothing, nothing, nothing, nothing,
        environment, as_go_prints(tree, UNIQUE), tree, tuple(notes.texts), tuple(notes.notices),
        interpolated=False,
    )  # fmt: skip


def _resolved(name: str, document: Json, tree: Map, notes: Notes) -> Json:
    """The document as compose prints it: without resources that no active service uses."""
    made: Json = {"name": name, "services": {key: _complete(raw) for key, raw in document["services"].items()}}
    used = _used(document["services"])
    for kind in ("networks", "volumes", "secrets", "configs"):
        kept = {key: entry for key, entry in document.get(kind, {}).items() if key in used[kind]}
        if kind == "networks":
            kept = {key: {"ipam": {}, **entry} for key, entry in kept.items()}
        elif kind == "configs":
            kept = {key: _without_content(entry) for key, entry in kept.items()}
        if kept:
            made[kind] = kept
    carried = [key for key in tree if key == "jobs" or key.startswith("x-")]
    made.update({key: as_go_prints(tree[key]) for key in carried})
    made.update({key.path[0]: document[key.path[0]] for key in notes.unknown if len(key.path) == 1})
    return made


def as_go_prints(value: Any, unique: Table | None = None) -> Any:
    """Plain values as Go prints them: full dates, 3 for 3.0, null for most empty lists."""
    if isinstance(value, Map):
        return {key: as_go_prints(entry, below(unique, key) if unique else None) for key, entry in value.items()}
    if isinstance(value, Seq) and (value or (unique and "" in unique)):
        return [as_go_prints(item) for item in value]
    if isinstance(value, Timestamp):
        return rfc3339(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None if isinstance(value, Seq) else value


def _complete(service: Json) -> Json:
    """Add the keys that Go always prints: an unset command as null, and zero values inside structures."""
    return {"command": None, "entrypoint": None, **service}


def _without_content(config: Json) -> Json:
    return {key: value for key, value in config.items() if key != "content" or not config.get("environment")}


def _used(services: Json) -> dict[str, set[str]]:
    used: dict[str, set[str]] = {"networks": set(), "volumes": set(), "secrets": set(), "configs": set()}
    for service in services.values():
        used["networks"].update(service.get("networks", {}))
        used["configs"].update(entry.get("source", "") for entry in service.get("configs", []))
        secrets = [*service.get("secrets", []), *service.get("build", {}).get("secrets", [])]
        used["secrets"].update(entry.get("source", "") for entry in secrets)
        mounts = [mount for mount in service.get("volumes", []) if mount.get("type") == "volume"]
        used["volumes"].update(mount["source"] for mount in mounts if mount.get("source"))
    return used


def _volume(key: str, entry: Json, tree: Map) -> Volume:
    at = tree["volumes"].marks[key].location
    name, driver = entry.get("name", key), entry.get("driver", "")
    return Volume(key, name, entry.get("external", False), driver, at, entry.get("driver_opts", {}))


def _network(key: str, entry: Json, tree: Map) -> Network:
    at = tree["networks"].marks[key].location
    return Network(key, entry.get("name", key), entry.get("external", False), entry.get("internal", False), at)


def _service(name: str, raw: Json, tree: Map, at: Location, project: str, volumes: Mapping[str, Volume]) -> Service:
    deploy = raw.get("deploy", {})
    command, entrypoint = raw.get("command"), raw.get("entrypoint")
    image = raw.get("image") or None
    return Service(
        name=name,
        location=at,
        image=image,
        image_ref=image or f"{project}-{name}",
        build=_build(raw["build"], tree, at) if "build" in raw else None,
        command=None if command is None else tuple(command),
        entrypoint=None if entrypoint is None else tuple(entrypoint),
        working_dir=raw.get("working_dir", ""),
        user=raw.get("user", ""),
        container_name=raw.get("container_name", ""),
        platform=raw.get("platform", ""),
        pull_policy=raw.get("pull_policy", ""),
        restart=raw.get("restart", ""),
        replicas=raw.get("scale", deploy.get("replicas", 1)),
        environment=raw.get("environment", {}),
        labels=raw.get("labels", {}),
        volumes=_mounts(raw, tree, volumes),
        tmpfs=tuple(raw.get("tmpfs", ())),
        configs=_file_mounts(raw, tree, "configs"),
        secrets=_file_mounts(raw, tree, "secrets"),
        depends_on=_dependencies(raw, tree, at),
        healthcheck=_healthcheck(raw, tree),
        profiles=tuple(raw.get("profiles", ())),
        ports=tuple(raw.get("ports", ())),
        networks=tuple(raw.get("networks", ())),
        extensions={key: plain(value) for key, value in tree.items() if key.startswith("x-")},
        raw=_complete(raw),
        pre_start=_hooks(raw, tree, image or f"{project}-{name}"),
    )


def _hooks(raw: Json, tree: Map, image_ref: str) -> tuple[Hook, ...]:
    return tuple(
        Hook(
            image=hook.get("image") or image_ref,
            location=tree["pre_start"].marks[index].location,
            command=None if hook.get("command") is None else tuple(hook["command"]),
            entrypoint=None if hook.get("entrypoint") is None else tuple(hook["entrypoint"]),
            environment={**raw.get("environment", {}), **hook.get("environment", {})},
            working_dir=hook.get("working_dir") or raw.get("working_dir", ""),
            user=hook.get("user") or raw.get("user", ""),
            per_replica=hook.get("per_replica", False),
        )
        for index, hook in enumerate(raw.get("pre_start", ()))
    )


def _build(raw: Json, tree: Map, at: Location) -> Build:
    return Build(
        context=raw.get("context", ""),
        dockerfile=raw.get("dockerfile", ""),
        location=tree.marks["build"].location if "build" in tree.marks else at,
        dockerfile_inline=raw.get("dockerfile_inline", ""),
        target=raw.get("target", ""),
        args=raw.get("args", {}),
        additional_contexts=raw.get("additional_contexts", {}),
        platforms=tuple(raw.get("platforms", ())),
        tags=tuple(raw.get("tags", ())),
        no_cache=raw.get("no_cache", False),
        no_cache_filter=tuple(raw.get("no_cache_filter", ())),
        pull=raw.get("pull", False),
    )


def _mounts(raw: Json, tree: Map, volumes: Mapping[str, Volume]) -> tuple[Mount, ...]:
    mounts = []
    for index, entry in enumerate(raw.get("volumes", ())):
        kind, source = entry.get("type", ""), entry.get("source", "")
        named = volumes.get(source) if kind == "volume" else None
        options = entry.get(kind, {}) if kind in ("volume", "image") else {}
        mounts.append(
            Mount(
                type=kind,
                source=source,
                target=entry.get("target", ""),
                location=tree["volumes"].marks[index].location,
                read_only=entry.get("read_only", False),
                volume_name=named.name if named else "",
                subpath=options.get("subpath", ""),
                nocopy=options.get("nocopy", False),
            )
        )
    return tuple(mounts)


def _file_mounts(raw: Json, tree: Map, key: str) -> tuple[FileMount, ...]:
    return tuple(
        FileMount(entry.get("source", ""), entry.get("target", ""), tree[key].marks[index].location)
        for index, entry in enumerate(raw.get(key, ()))
    )


def _dependencies(raw: Json, tree: Map, at: Location) -> dict[str, Dependency]:
    marks = tree["depends_on"].marks if "depends_on" in raw else {}
    return {
        target: Dependency(
            target,
            entry.get("condition", ""),
            entry["required"],
            entry.get("restart", False),
            marks[target].location if target in marks else at,
        )
        for target, entry in raw.get("depends_on", {}).items()
    }


def _healthcheck(raw: Json, tree: Map) -> Healthcheck | None:
    if "healthcheck" not in raw:
        return None
    entry = raw["healthcheck"]
    return Healthcheck(tuple(entry.get("test", ())), entry.get("disable", False), tree.marks["healthcheck"].location)
