"""The service of a compose project that has the migrations, and its ``x-migops`` settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from migops.compose import Project, Service
from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.core.printed import again
from migops.core.text import with_hint
from migops.sources.database_state import SETTINGS
from migops.target import configuration
from migops.target.build import build_spec, built_configuration
from migops.target.configuration import has_migrations
from migops.target.target import Wanted

WITHOUT_HOST = frozenset({"check-image", "status", "doctor"})
"""The commands that go on where only image and containers have a configuration."""
_NO_TEXT = frozenset({"ignore"})
"""The keys of ``x-migops`` that are no text: see ``target/suppression.py``."""


def choose(
    project: Project, wanted: Wanted, cwd: Path, added: Sequence[str] = ()
) -> Service:  # fmt: skip
    """The service with the migrations: the named one, else the only one. MigopsError if there is none or several.

    ``added``: the options that printed commands need beside those that were typed.
    """
    if wanted.service:
        return project.service(wanted.service)
    marked = [service for service in project.services.values() if _is_marked(service)]
    candidates = marked or [service for service in project.services.values() if has_migrations(service)]
    candidates = candidates or [service for service in project.services.values() if _names_config(service)]
    if not candidates:
        from migops.target.none_found import image_only, nothing_found

        if wanted.command in WITHOUT_HOST and wanted.needs_image and (only := image_only(project)):
            return only
        raise nothing_found(project, wanted.command, cwd, added, wanted.image)
    if len({build_key(service) for service in candidates}) > 1 and not marked:
        from migops.target.carrying import carriers  # few projects have several

        candidates = carriers(candidates)
    if len({build_key(service) for service in candidates}) > 1:
        lines = ", ".join(f"{service.name} ({service.location})" for service in candidates)
        raise MigopsError(
            f"more than one service has migrations: {lines}", at=Location(project.files[0]) if project.files else None,
            hint=f"name one: {again(*added, service=candidates[0].name, command=wanted.command)}",
        )  # fmt: skip
    # All share one build. If each has an image of its own, MIG206 compares the others with this one.
    return next((service for service in candidates if _runs_alembic(service)), candidates[0])


def _is_marked(service: Service) -> bool:
    """Whether its ``x-migops`` says that it has the migrations: rules that it leaves out say nothing of that."""
    given: Any = service.extensions.get("x-migops", _NO_TEXT)
    return given is not _NO_TEXT and not (isinstance(given, Mapping) and given and set(given) <= _NO_TEXT)


def build_key(service: Service) -> tuple[str, ...]:
    """Equal for services that share a build, or an image if they have no build."""
    build = service.build
    return (build.context, build.dockerfile, build.target) if build else (service.image_ref,)


def _runs_alembic(service: Service) -> bool:
    return "alembic" in " ".join((*(service.entrypoint or ()), *(service.command or ())))


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
        *SETTINGS, *_NO_TEXT,
    )  # fmt: skip
    allowed = {"heads": ("one", "many"), "entrypoint": ("keep",)}
    given: Any = service.extensions.get("x-migops") or {}
    if not isinstance(given, Mapping):
        raise MigopsError(f"x-migops of service {service.name!r} must be a mapping", at=service.location)
    for key, value in given.items():
        if key not in known:
            raise MigopsError(
                f"x-migops of service {service.name!r} has an unknown key {key!r}", at=service.location,
                hint=with_hint(str(key), known, f"known keys: {', '.join(known)}"),
            )  # fmt: skip
        if key in _NO_TEXT:
            continue
        if not isinstance(value, str) or value not in allowed.get(key, (value,)):
            shown = "it must be a string" if key == "database-url" else repr(value)
            raise MigopsError(f"x-migops.{key} of service {service.name!r} is not valid: {shown}", at=service.location)
    return {key: str(given.get(key, "")) for key in known if key not in _NO_TEXT}
