"""A service whose image comes from elsewhere, on a host without migrations: then the image itself says which it has.

Nothing is fetched for that: the image that is here is the one that the plan is made from, and the one that is deployed.
"""

from __future__ import annotations

import posixpath
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from migops import target as targets
from migops.compose import ComposeOptions, NoComposeFile, Project, Service, load
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import EntryKind
from migops.core.printed import note
from migops.docker import Engine, ImageNotFound
from migops.entrypoint.alembic_call import typed
from migops.images import Image, open_image
from migops.sources.alembic_start import of_files, started
from migops.sources.container_files import links_of, reader_of
from migops.sources.environment import Environment, read_environment
from migops.sources.home import Home, Reader, home_of
from migops.target import Target, Wanted, configuration
from migops.target.build import builder_of


def resolve(
    services: Sequence[str], options: ComposeOptions, environment: Mapping[str, str], cwd: Path, engine: Engine,
    stack: ExitStack, url: str = "",
) -> tuple[Target, bool]:  # fmt: skip
    """What is deployed, and whether the image had to stand in for the host. Its scripts lie in a folder of ``stack``
    then, as they lie in the image.

    Raises what ``target.resolve`` does where there is no such image-only service, and ``Unavailable`` where its image
    is not here, or does not lead to migrations.
    """
    wanted = Wanted(service=services[0] if services else "", command="rebuild-and-migrate", database_url=url)
    try:
        return targets.resolve(wanted, options, environment, cwd), False
    except NoComposeFile:
        raise
    except MigopsError:
        project = load(options, environment=environment, cwd=str(cwd))
        service = _image_only(project, wanted.service)
        if service is None:
            raise
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="migops-")))
    config = _laid_out(service, engine, folder, options)
    host = replace(wanted, service=service.name, host_dir=str(folder), config=str(_beside(folder, config)))
    found = targets.resolve(host, options, environment, cwd)
    commands = replace(found.commands, named=targets.named(wanted, environment))  # the folder goes with this run
    note(commands)
    return replace(found, image_config=config[0], commands=commands), True


def _image_only(project: Project, name: str) -> Service | None:
    """The service that is meant, where nothing here builds it and nothing says where on the host its migrations are."""
    marked = [each for each in project.services.values() if "x-migops" in each.extensions]
    service = project.services.get(name) if name else marked[0] if len(marked) == 1 else None
    if service is None or builder_of(project, service) or {"host-dir", "config"} & _settings(service).keys():
        return None
    return service if not configuration.search(Path(project.directory)) else None


def _settings(service: Service) -> Mapping[str, str]:
    given = service.extensions.get("x-migops")
    return given if isinstance(given, Mapping) else {}


def _laid_out(service: Service, engine: Engine, folder: Path, options: ComposeOptions) -> tuple[str, str, bytes]:
    """Write what Alembic reads in the image below ``folder``: the configuration's path there, the folder that Alembic
    starts in, the configuration's text."""
    try:
        with open_image(service.image_ref, engine=lambda: engine) as image:
            start, found, path, text = _read(service, image)
    except ImageNotFound as error:
        pull = shlex.join((*targets.compose_command(options), "pull", service.name))
        raise Unavailable(f"{error.message}, and the host has no migrations of {service.name} to compare with",
                        hint=f"fetch it, then run this again: {pull}") from None  # fmt: skip
    files = {file.path: file.content for file in (*found.migrations.scripts.values(),
                                                  *found.migrations.environment.values())}  # fmt: skip
    for name, content in {**files, path: text}.items():
        target = folder / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return path, start, text


def _read(service: Service, image: Image) -> tuple[str, Environment, str, bytes]:
    read, links, settings, why = reader_of(image), links_of(image), _settings(service), ""
    for home in _homes(service, image, read, settings):
        entry = read([home.config]).get(home.config)
        if entry is None or entry.kind is not EntryKind.FILE or entry.content is None:
            continue
        home = replace(home, decides=True, links=links)
        found = read_environment(read, home, {})
        if isinstance(found, Environment) and found.migrations.scripts:
            return home.cwd, found, home.config, entry.content
        why = f": {found.reason}" if not isinstance(found, Environment) else ": it does not point to any migrations"
    start = posixpath.join(image.config.working_dir or "/", service.working_dir)
    names = [posixpath.relpath(home.config, start) for home in _homes(service, image, read, settings)]
    raise Unavailable(
        f"nothing on this host says what migrations {service.name} has, and its image {service.image_ref} has none "
        f"that are found by {' or '.join(names)} in {start}{why}",
        hint="specify where they are in the image, under the service: x-migops: {image-config: /app/alembic.ini}; or "
        "where they are on the host: x-migops: {host-dir: .}",
    )


def _homes(service: Service, image: Image, read: Reader, settings: Mapping[str, str]) -> list[Home]:
    """Where Alembic may start in the image: as the user says, else as the container's start or its variables do."""
    process = configuration.started_as(
        image.config.working_dir, image.config.env, image.config.entrypoint,
        (*image.config.entrypoint, *image.config.cmd), service,
    )  # fmt: skip
    said = configuration.alembic_options(service)
    start = posixpath.normpath(posixpath.join(process.working_dir, settings.get("working-dir", "") or said.folder))
    section = settings.get("name", "") or said.section or "alembic"
    calls = (*started(process, of_files(read)), typed(process))
    named = settings.get("image-config", "")
    if not named and (call := next((each for each in calls if not (each.is_plain or each.undecided)), None)):
        return [replace(home_of(call), environment=process.environment)]
    names = [named] if named else ["alembic.ini", "migrations/alembic.ini", "pyproject.toml"]
    return [Home(start, posixpath.join(start, each), section, environment=process.environment) for each in names]


def _beside(folder: Path, config: tuple[str, str, bytes]) -> Path:
    """The copy of the configuration that stands for the host's. Its paths are meant from where Alembic is started, so
    one that lies elsewhere and says where the scripts are is copied to there."""
    path, start, text = config
    if posixpath.dirname(path) == start or b"script_location" not in text:
        return folder / path.lstrip("/")
    copy = folder / start.lstrip("/") / posixpath.basename(path)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(text)
    return copy
