"""The service of a compose project that has the migrations, and its ``x-migops`` settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migops.compose import ComposeOptions, Project, Service
from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.core.printed import Commands
from migops.sources.database_state import SETTINGS
from migops.target import configuration
from migops.target.build import build_spec, built_configuration, context_of
from migops.target.options import compose_command
from migops.target.target import Wanted


def choose(
    project: Project, wanted: Wanted, options: ComposeOptions, named: tuple[tuple[str, str], ...]
) -> Service:  # fmt: skip
    """The service with the migrations: the named one, else the only one. MigopsError if there is none or several."""
    if wanted.service:
        return project.service(wanted.service)
    at = Location(project.files[0]) if project.files else None
    marked = [service for service in project.services.values() if "x-migops" in service.extensions]
    candidates = marked or [service for service in project.services.values() if _has_config(service)]
    candidates = candidates or [service for service in project.services.values() if _names_config(service)]
    if not candidates:
        for service in project.services.values():
            if service.build and not service.build.is_remote:
                context_of(service.build)
        names = ", ".join(project.services) or "none"
        raise MigopsError(
            f"no service is built from a folder with an alembic.ini (services: {names})", at=at,
            hint="name the service, or set its configuration file: x-migops: {config: PATH} under the service",
        )  # fmt: skip
    if len({build_key(service) for service in candidates}) > 1:
        lines = ", ".join(f"{service.name} ({service.location})" for service in candidates)
        commands = Commands(candidates[0].name, compose_command(options), named=named)
        one = commands.say(wanted.command)
        raise MigopsError(
            f"more than one service has migrations: {lines}", at=at,
            hint=f"name one: {one}",
        )  # fmt: skip
    # All share one build. If each has an image of its own, MIG206 compares the others with this one.
    return next((service for service in candidates if _runs_alembic(service)), candidates[0])


def build_key(service: Service) -> tuple[str, ...]:
    """Equal for services that share a build, or an image if they have no build."""
    build = service.build
    return (build.context, build.dockerfile, build.target) if build else (service.image_ref,)


def _runs_alembic(service: Service) -> bool:
    return "alembic" in " ".join((*(service.entrypoint or ()), *(service.command or ())))


def _has_config(service: Service) -> bool:
    return bool(service.build and not service.build.is_remote and configuration.search(Path(service.build.context)))


def _names_config(service: Service) -> bool:
    """True if the service or its Dockerfile names a configuration, which may have any name."""
    if service.build is None or service.build.is_remote:
        return False
    if configuration.alembic_options(service).config:
        return True
    return built_configuration(build_spec(service.build), service) is not None


def settings_of(service: Service) -> dict[str, str]:
    """The service's ``x-migops`` with every known key. MigopsError for an unknown key or an invalid value."""
    known = (
        "config", "name", "heads", "host-dir", "image-config", "working-dir", "alembic", "entrypoint", "backup-image",
        *SETTINGS,
    )  # fmt: skip
    allowed = {"heads": ("one", "many"), "entrypoint": ("keep",)}
    given: Any = service.extensions.get("x-migops") or {}
    if not isinstance(given, Mapping):
        raise MigopsError(f"x-migops of service {service.name!r} must be a mapping", at=service.location)
    for key, value in given.items():
        if key not in known:
            raise MigopsError(
                f"x-migops of service {service.name!r} has an unknown key {key!r}", at=service.location,
                hint=f"known keys: {', '.join(known)}",
            )  # fmt: skip
        if not isinstance(value, str) or value not in allowed.get(key, (value,)):
            shown = "it must be a string" if key == "database-url" else repr(value)
            raise MigopsError(f"x-migops.{key} of service {service.name!r} is not valid: {shown}", at=service.location)
    return {key: str(given.get(key, "")) for key in known}
