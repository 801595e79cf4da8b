"""Reads what only ``doctor`` and a deploy need: the services' startup, and the application code's use of the schema."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from migops.analysis.evidence import Setup
from migops.collect.database_query import Ask, question
from migops.collect.env_code import code_of_env
from migops.collect.state import Survey, host_home
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import EntryKind, MigrationSet, PlaceName, Unknown
from migops.dockerfile.trace import BuildView, Inline
from migops.entrypoint.base_images import BaseCommand, command_of
from migops.entrypoint.in_build import in_build
from migops.entrypoint.model import Has
from migops.entrypoint.startup import File, Files, ImageCommand, Startup, read
from migops.migrations.config import ConfigFile, parse_config
from migops.sources.application import creations, gives_url, has_models, modules
from migops.sources.context import ContextReader
from migops.sources.database import find_url
from migops.sources.database_url import Sought
from migops.sources.env_files import copied_env_files
from migops.sources.home import Home, Reader
from migops.sources.models import Model, unimported
from migops.sources.passwords import passwords
from migops.sources.pinned import pinned
from migops.sources.proxies import proxied
from migops.target import Target

_CHMOD = re.compile(r"\b(chmod|install|setfacl)\b")
_CONVERTS = re.compile(r"dos2unix|\\r|tr -d|fromdos")
"""Commands of a build that may make a script executable, or give it Unix line ends."""


def read_application(survey: Survey, image: Reader | None) -> None:
    """Read the services' startup in the image (``image``: None if it was not read) and in a new build, and the code on
    the host that changes the schema without Alembic."""
    read_startups(survey, image)
    host = survey.places.get(PlaceName.HOST)
    migrations = [host.script_location] if isinstance(host, MigrationSet) else []
    view = survey.view if isinstance(survey.view, BuildView) else None
    survey.creations = creations(survey.target.root, view, migrations, _mounted_folders(survey.target))
    survey.setup = _setup(survey)


def _setup(survey: Survey) -> Setup:
    target = survey.target
    home = host_home(survey)
    config = _config(survey, home)
    image_env = survey.image_config.env if survey.image_config else {}
    held = survey.places.get(PlaceName.HOST)
    asked = question(target, held if isinstance(held, MigrationSet) else None, home, None, None, image_env, Ask())
    try:
        url = find_url(asked)
    except MigopsError:  # an invalid setting: reported where the database is queried
        url = None
    code = modules(target.root, None, ())
    folders = list(dict.fromkeys((target.config.parent, target.root)))
    giver = gives_url(code)
    return Setup(
        config,
        target.model,
        url if isinstance(url, Sought) else None,
        _unimported(survey, config),
        passwords(target.model, config) if target.model else {},
        copied_env_files(survey.view, _env_files(target)) if isinstance(survey.view, BuildView) else (),
        pinned(folders, "alembic", _dockerfile(target)),
        pinned(folders, "sqlalchemy", _dockerfile(target)),
        has_models(code),
        proxied(target.model, (target.service, *target.siblings)) if target.model else (),
        giver.relative_to(target.root).as_posix() if giver else "",
    )


def _config(survey: Survey, host: Home) -> ConfigFile:
    """The configuration that is judged: the host's, or that of the image or container if the host has none."""
    if not survey.target.absent:
        return parse_config(survey.target.config.read_bytes(), host.config, host.section)
    place = survey.places[PlaceName.IMAGE]
    held = place if isinstance(place, MigrationSet) else survey.places[PlaceName.CONTAINER]
    path = survey.home.config if survey.home else ""
    files = {file.path: file.content for file in held.environment.values()} if isinstance(held, MigrationSet) else {}
    return parse_config(files.get(path, b""), path, host.section)


def _dockerfile(target: Target) -> Path | None:
    """The service's Dockerfile; None if it is written in the compose file, or there is none."""
    build = target.build
    if build is None or isinstance(build.dockerfile, Inline) or not isinstance(build.context, Path):
        return None
    return build.dockerfile or build.context / "Dockerfile"


def _mounted_folders(target: Target) -> list[Path]:
    """The folders of the host that the service and its siblings mount."""
    services = [target.model.services[name] for name in (target.service, *target.siblings)] if target.model else []
    sources = (Path(mount.source) for each in services for mount in each.volumes if mount.type == "bind")
    return [path for path in dict.fromkeys(sources) if path.is_dir()]


def _env_files(target: Target) -> list[str]:
    """The paths of the service's env files."""
    if target.model is None:
        return []
    entries = target.model.tree["services"][target.service].get("env_file") or ()
    return [os.path.normpath(entry["path"] if isinstance(entry, Mapping) else entry) for entry in entries]


def _unimported(survey: Survey, config: ConfigFile) -> tuple[Model, ...] | Unknown:
    code = code_of_env(survey, config)
    return unimported(code.env, code.roots, code.files) if code else ()


def read_startups(survey: Survey, image: Reader | None) -> None:
    """Read the services' startup in the image (None if it was not read) and in a new build."""
    config = survey.image_config
    built = _built(survey)
    if image is not None and config is not None:
        # Each module of an image costs a request: they are followed only where those of the build have something.
        deep = isinstance(built, Unknown) or any(each.at.file.endswith(".py") for one in built for each in one.changes)
        command = ImageCommand(
            config.entrypoint, config.cmd, config.working_dir, config.env, "image", has=_has(image), deep=deep
        )
        survey.startups[PlaceName.IMAGE] = _each(survey, _of_image(image), command)
    survey.startups[PlaceName.CONTEXT] = built
    if isinstance(survey.view, BuildView) and survey.target.build is not None:
        survey.build_changes = in_build(survey.view.runs, _of_context(survey.view, Path(survey.target.build.context)))


def _built(survey: Survey) -> tuple[Startup, ...] | Unknown:
    """The startup in a new build. Settings of the base image are taken from the image, if it was read: a build from the
    same base keeps them."""
    view, build, config = survey.view, survey.target.build, survey.image_config
    if not isinstance(view, BuildView) or build is None:
        return Unknown(view.reason if not isinstance(view, BuildView) else "it is unknown how the image is built")
    entrypoint, cmd, workdir = view.entrypoint, view.cmd, view.workdir
    survey.command_at = view.command_at
    unread = ""
    base = config if config is not None else command_of(view.base.ref) if view.base.ref else BaseCommand()
    if entrypoint is None:
        if base is None:
            unread = f"the Dockerfile sets no ENTRYPOINT, and the one of the base image {view.base.ref} was not read"
        entrypoint = base.entrypoint if base else ()
        cmd = base.cmd if cmd is None and base else cmd
    environment = {**(config.env if config else {}), **view.env}
    start = workdir or (config.working_dir if config else "/")
    command = ImageCommand(entrypoint, cmd or (), start, environment, "Dockerfile", unread, complete=base is not None)
    return _each(survey, _of_context(view, Path(build.context)), command)


def _each(survey: Survey, files: Files, command: ImageCommand) -> tuple[Startup, ...]:
    target = survey.target
    if target.model is None:
        return (read(files, command),)
    services = [target.model.services[name] for name in (target.service, *target.siblings)]
    return tuple(read(files, command, service, target.model) for service in services)


def _of_image(reader: Reader) -> Files:
    def get(path: str) -> File | None:
        entry = reader([path]).get(path)
        if entry is None or entry.kind is not EntryKind.FILE or entry.content is None:
            return None
        return File(entry.content, path, "image", entry.mode)

    return get


def _has(reader: Reader) -> Has:
    def has(paths: Sequence[str]) -> bool:
        try:
            return any(path in reader([path]) for path in paths)
        except Unavailable:
            return True  # too large to be read, so it is there

    return has


def _of_context(view: BuildView, root: Path) -> Files:
    reader = ContextReader(view, root)
    chmod = any(_CHMOD.search(run.script) for run in view.runs)
    converts = any(_CONVERTS.search(run.script) for run in view.runs)

    def get(path: str) -> File | None:
        entry = reader([path]).get(path)
        if entry is None or entry.kind is not EntryKind.FILE or entry.content is None:
            return None
        mode = None if chmod or any("--chmod" in each.text for each in view.sources_of(path)) else entry.mode
        content = entry.content.replace(b"\r\n", b"\n") if converts else entry.content
        return File(content, str(view.host_path_of(path) or path), "host", mode)

    return get
