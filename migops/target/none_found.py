"""The reason why no service of a compose project is found to have migrations, and what to type or write next."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from migops.compose import Build, Project, Service
from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.core.printed import again
from migops.core.terminal import shell_line
from migops.target import configuration
from migops.target.build import context_of
from migops.target.offer import context_offer


def nothing_found(
    project: Project, command: str, cwd: Path, added: Sequence[str] = (), image: str = ""
) -> MigopsError:  # fmt: skip
    """The error for a project of which no service is built from migrations: the first cause that is there."""
    builds = [service.build for service in project.services.values() if service.build and not service.build.is_remote]
    at = Location(project.files[0]) if project.files else None
    names = ", ".join(project.services) or "none"
    misplaced = wrong_directory(project, list(project.services.values()), command, cwd, added)
    if misplaced is not None:
        return misplaced
    folders = () if builds else dict.fromkeys((cwd, Path(project.directory)))
    offer = next(filter(None, (context_offer(folder, cwd, command, image) for folder in folders)), ())
    if offer:
        return MigopsError(
            f"no service is built here, all have an image from elsewhere (services: {names})", at=at,
            hint=f"check the build without the compose file: {shell_line(offer)}; or name the service",
        )  # fmt: skip
    roots = dict.fromkeys(context_of(build) for build in builds) or [Path(project.directory)]
    edits = [edit for root in roots if (edit := configuration.two_lines(root))]
    others = [service.name for service in project.services.values() if not _is_server(service)]
    named = f": {again(*added, service=others[0], command=command)}" if others else ""
    choices = [f"name the service{named}", "set its configuration file: x-migops: {config: PATH} under the service"]
    return MigopsError(
        f"no service is built from a folder with an alembic.ini (services: {names})", at=at,
        hint=", or ".join([*edits[:1], *choices]),
    )  # fmt: skip


SERVERS = frozenset({
    "adminer", "caddy", "cp-kafka", "elasticsearch", "grafana", "haproxy", "httpd", "kafka", "keycloak", "localstack",
    "mailhog", "mailpit", "mariadb", "memcached", "minio", "mongo", "mysql", "nginx", "pgadmin4", "pgbouncer",
    "pgvector", "postgis", "postgres", "postgresql", "prometheus", "rabbitmq", "redis", "timescaledb", "traefik",
    "valkey", "vault", "zookeeper",
})  # fmt: skip
"""Names of images that have no migrations of the project."""


def image_only(project: Project) -> Service | None:
    """The only service that may have migrations, if it is not built here and the host has no configuration; or None."""
    services = [service for service in project.services.values() if not _is_server(service)]
    if len(services) != 1 or services[0].build or configuration.search(Path(project.directory)):
        return None
    return services[0]


def _is_server(service: Service) -> bool:
    name = (service.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
    return not service.build and name in SERVERS


def wrong_directory(
    project: Project, services: Sequence[Service], command: str, cwd: Path, added: Sequence[str] = ()
) -> MigopsError | None:
    """The error for a service whose build context or Dockerfile is not where the project directory puts it.

    None if all are there. The hint names the directory from which they would be found, if there is one above.
    """
    for service in services:
        build = service.build
        if build is None or build.is_remote or (missing := _missing(build)) is None:
            continue
        shown = os.path.relpath(project.directory, cwd)
        paths = f"paths are relative to the project directory, which is {shown}"
        other = _directory_that_fits(project, build, cwd)
        if other is None:
            hint = f"{paths}: correct build.context or build.dockerfile, or give --project-directory DIR"
        else:
            named = again(*added, "--project-directory", os.path.relpath(other, cwd), command=command)
            hint = f"{paths}; it is there from {os.path.relpath(other, cwd)}: {named}"
        return MigopsError(f"{missing} of service {service.name!r}", at=build.location, hint=hint)
    return None


def _missing(build: Build) -> str | None:
    """The sentence that names what is not there."""
    context = Path(build.context)
    if not context.is_dir():
        return f"build.context is not a folder: {context}, the build context"
    if build.dockerfile_inline:
        return None
    file = Path(os.path.normpath(context / (build.dockerfile or "Dockerfile")))
    return None if file.exists() or file.with_name("dockerfile").exists() else f"there is no Dockerfile {file}, the one"


def _directory_that_fits(project: Project, build: Build, cwd: Path) -> Path | None:
    """The folder above the project directory, or this one, from which the build's Dockerfile is found."""
    context = os.path.relpath(build.context, project.directory)
    for folder in dict.fromkeys((cwd, *Path(project.directory).parents[:3])):
        if (folder / context / (build.dockerfile or "Dockerfile")).is_file():
            return folder
    return None
