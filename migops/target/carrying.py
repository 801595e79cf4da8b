"""Which services' containers would have the migrations: by what their build copies, and by their bind mounts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from migops.compose import Service
from migops.core.errors import MigopsError
from migops.core.image_source import completed
from migops.dockerfile.trace import BuildView, trace
from migops.target import configuration
from migops.target.build import build_spec
from migops.target.target import BuildSpec


def carriers(services: Sequence[Service]) -> list[Service]:
    """Those of the services whose image would have the migrations: by its build, or by a base that a sibling builds.

    If there are none, those that have them by a bind mount; else all, as a base image from elsewhere may have them.
    """
    carrying = {service.name: service for service in services if _copies(service)}
    for _ in services:  # a base image may itself have a base image that a sibling builds
        images = {completed(service.image_ref) for service in carrying.values()}
        carrying |= {service.name: service for service in services if _is_based_on(service, images, carrying)}
    by_image = [service for service in services if service.name in carrying]
    return by_image or [service for service in services if _mounts(service)] or list(services)


def copies(build: BuildSpec, files: Sequence[Path]) -> bool:
    """Whether the build copies one of these files, ignored by a .dockerignore or not. False if it cannot be traced."""
    view = _view(build)
    return view is not None and any(view.image_path_of(path) for path in files)


def migration_files(root: Path) -> list[Path]:
    """The env.py of each folder of migrations below ``root``, or else the configurations of Alembic there."""
    return [folder / "env.py" for folder in configuration.script_folders(root)] or list(configuration.search(root))


def _view(build: BuildSpec) -> BuildView | None:
    try:
        view = trace(build.dockerfile, build.context, target=build.target, args=build.args,
                     contexts=dict(build.contexts))  # fmt: skip
    except MigopsError:  # a broken Dockerfile: reported where its service is checked
        return None
    return view if isinstance(view, BuildView) else None


def _copies(service: Service) -> bool:
    if service.build is None or service.build.is_remote:
        return False
    return copies(build_spec(service.build), migration_files(Path(service.build.context)))


def _mounts(service: Service) -> bool:
    if service.build is None or service.build.is_remote:
        return False
    mounted = [Path(mount.source) for mount in service.volumes if mount.type == "bind" and mount.source]
    files = migration_files(Path(service.build.context))
    return any(path.is_relative_to(source) for path in files for source in mounted)


def _is_based_on(service: Service, images: set[str], carrying: dict[str, Service]) -> bool:
    if service.build is None or service.build.is_remote:
        return False
    contexts = {value.removeprefix("service:") for value in service.build.additional_contexts.values()}
    view = _view(build_spec(service.build))
    return bool(contexts & carrying.keys()) or (view is not None and completed(view.base.ref) in images)
