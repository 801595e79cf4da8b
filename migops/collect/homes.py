"""The configurations that Alembic reads in a container: by the container's start, and by a plain ``alembic`` in it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.analysis.chain import compare
from migops.collect.state import Survey, host_cwd, image_home
from migops.compose import Service
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import LinkStatus, MigrationSet, PlaceName, Unknown
from migops.dockerfile.trace import BuildView
from migops.entrypoint.alembic_call import Call, Process, typed
from migops.sources.alembic_start import of_files, started
from migops.sources.environment import Environment, read_environment
from migops.sources.home import Home, Homes, OtherConfiguration, Reader, above, home_of
from migops.sources.host import HostReader
from migops.target.configuration import started_as

if TYPE_CHECKING:
    from migops.images.image import ImageConfig


def of_image(config: ImageConfig, service: Service | None) -> Process:
    """The first process of a container that compose creates for the service (None: of the image alone)."""
    own = (*config.entrypoint, *config.cmd)
    return started_as(config.working_dir, config.env, config.entrypoint, own, service)


def of_container(inspected: Mapping[str, Any]) -> Process:
    """The first process of an existing container."""
    config = inspected.get("Config") or {}
    pairs = [str(each).partition("=") for each in config.get("Env") or ()]
    words = (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))
    return Process(str(config.get("WorkingDir") or "/"), {name: value for name, _, value in pairs}, words)


def homes(survey: Survey, process: Process, read: Reader, links: Reader | None = None) -> Homes:
    """The configurations that Alembic reads in a container with this first process.

    In order of precedence: the user's (``--config``, ``x-migops``), the one in the start, ALEMBIC_CONFIG, and the path
    to which the build copies the host's file. Raises ``Unavailable`` if a call's files cannot be determined.
    """
    calls = [*started(process, of_files(read)), typed(process)]
    undecided = next((each for each in calls if each.undecided), None)
    calls = [each for each in calls if not each.undecided]
    if undecided is not None and not survey.target.named:
        raise Unavailable(
            f"cannot determine which configuration Alembic reads: {undecided.undecided}",
            hint="set it: --config FILE, or x-migops: {config: FILE} under the service",
        )
    usual = _usual(survey, process, read)
    if survey.target.absent and not survey.target.image_config:
        usual = _without_host(usual, read)
    starts = [_home(survey, each) for each in calls]
    first = usual if survey.target.named else _first(survey, calls, starts, usual)
    first = replace(first, away=first.cwd != usual.cwd, around=usual.around)
    # If the start passes a folder to Flask-Migrate, a plain `flask db` reads the one in the application's code.
    typed_flask = [replace(usual, by="`flask db` without --directory")] if first.script_location else []
    everything = [
        replace(each, decides=True, environment=process.environment, links=links)
        for each in (first, *starts, *typed_flask)
    ]
    different = {each.key: each for each in everything if each.key != everything[0].key}
    return Homes(everything[0], tuple(different.values()))


def _usual(survey: Survey, process: Process, read: Reader) -> Home:
    """The configuration by the host's file. If no Dockerfile tells its path in the image, the one that the file has on
    the host below the project's folder is tried as well."""
    usual, target = image_home(survey, process.working_dir), survey.target
    if isinstance(survey.view, BuildView) or target.image_config or not target.config.is_relative_to(target.root):
        return usual
    below = posixpath.join(usual.cwd, target.config.relative_to(target.root).as_posix())
    if below == usual.config or read([usual.config]) or not read([below]):
        return usual
    return replace(usual, config=below, around=(*above(below), *usual.around))


def _first(survey: Survey, calls: Sequence[Call], starts: Sequence[Home], usual: Home) -> Home:
    """The first call that names a configuration, unless the host's file for it is not the compared one."""
    for call, home in zip(calls, starts, strict=True):
        if call is calls[-1] and not call.variable:
            break  # a plain `alembic` names no configuration
        if (home.config, home.section) == (usual.config, usual.section):
            break
        if _on_host(survey, home) in (None, survey.target.config):
            return home
    return usual


def _without_host(usual: Home, read: Reader) -> Home:
    """The starting place with the configuration that is there, if no file on the host says which one is meant."""
    paths = [posixpath.join(usual.cwd, name) for name in ("alembic.ini", "migrations/alembic.ini", "pyproject.toml")]
    config = next((path for path in paths if read([path]).get(path)), usual.config)
    return replace(usual, config=config, around=(*above(config), *usual.around))


def _home(survey: Survey, call: Call) -> Home:
    """The call's starting place; with the host's copy of the configuration, in case the place lacks it."""
    home = home_of(call)
    there = _on_host(survey, home)
    return replace(home, text=there.read_bytes()) if there == survey.target.config and there is not None else home


def _on_host(survey: Survey, home: Home) -> Path | None:
    """The host's file that the build copies to this configuration's path."""
    if survey.target.absent:
        return None
    if isinstance(survey.view, BuildView):
        path = survey.view.host_path_of(home.config)
        return path if path is not None and path.is_file() else None
    usual = image_home(survey, home.cwd)
    if home.config == usual.config:
        return survey.target.config
    beside = host_cwd(survey) / posixpath.relpath(home.config, home.cwd)
    return beside if home.config.startswith(f"{home.cwd}/") and beside.is_file() else None


def others(survey: Survey, homes: Homes, read: Reader, where: str) -> tuple[OtherConfiguration, ...]:
    """The further calls whose migrations differ from the host's.

    A missing configuration is skipped: Alembic fails without it and applies nothing.
    """
    stale = []
    for home in homes.others:
        if not _is_there(read, home):
            continue
        there = read_environment(read, home, survey.known)
        if isinstance(there, Unknown):
            continue
        host = _host_of(survey, home)
        if host is None:
            continue
        link = compare(PlaceName.HOST, host, PlaceName.IMAGE, there.migrations)
        if link.status is LinkStatus.DIFFERS:
            names = (*link.only_target, *link.changed, *link.only_source)
            stale.append(OtherConfiguration(where, home.by, home.config, there.migrations.location, names))
    return tuple(stale)


def _is_there(read: Reader, home: Home) -> bool:
    return bool(read(sorted({home.config, home.second})))


def _host_of(survey: Survey, home: Home) -> MigrationSet | None:
    """The host's migrations for a configuration: for its own copy of it, else for the compared one."""
    held = survey.places.get(PlaceName.HOST)
    config = _on_host(survey, home)
    same = (config, home.section) == (survey.target.config, survey.target.section)
    if config is not None and not same:
        view = survey.view
        elsewhere = view.host_path_of if isinstance(view, BuildView) else lambda path: None
        folder = elsewhere(home.cwd)
        cwd = str(folder) if folder is not None and folder.is_dir() else str(config.parent)
        try:
            environment = read_environment(
                HostReader(survey.target.root, elsewhere), Home(cwd, str(config), home.section), survey.known
            )
        except MigopsError:
            return None
        if isinstance(environment, Environment):
            return environment.migrations
    return held if isinstance(held, MigrationSet) else None
