"""The state of a reading of the chain, and Alembic's starting place in each place."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from migops.analysis.evidence import Copies, Exclusion, Hidden, Setup, Sibling
from migops.core.model import ImageIdentity, NotAsked, PlaceName, Reading, Unknown
from migops.dockerfile.trace import BuildView, trace
from migops.migrations.scripts import Known
from migops.sources.environment import Environment
from migops.sources.home import Home, OtherConfiguration, Reader, above
from migops.target import BuildSpec, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migops.core.location import Location
    from migops.entrypoint.startup import Change, Startup
    from migops.images import ImageConfig
    from migops.migrations.graph import Graph
    from migops.migrations.problem import Problem
    from migops.sources.application import Creation
    from migops.sources.container_model import Container
    from migops.sources.program_file import ProgramFile
    from migops.sources.stopped import Stopped


@dataclass(slots=True)
class Survey:
    """One reading of the chain, place by place."""

    target: Target
    view: BuildView | Unknown | NotAsked = field(init=False)
    places: dict[PlaceName, Reading] = field(default_factory=dict)
    graphs: dict[PlaceName, Graph] = field(default_factory=dict)
    problems: dict[PlaceName, tuple[Problem, ...]] = field(default_factory=dict)
    image: ImageIdentity | None = None
    known: Known = field(default_factory=dict)
    """Parsed scripts by digest, shared by the places."""
    exclusions: tuple[Exclusion, ...] = ()
    not_copied: str = ""
    copies: Copies | None = None
    uncached: str = ""
    containers: tuple[Container, ...] = ()
    siblings: tuple[Sibling, ...] = ()
    bound: bool = False
    home: Home | None = None
    """Alembic's starting place in the image."""
    image_config: ImageConfig | None = field(default=None, repr=False)
    startups: dict[PlaceName, tuple[Startup, ...] | Unknown] = field(default_factory=dict)
    build_changes: tuple[Change, ...] = ()
    command_at: Location | None = None
    """See ``Evidence``."""
    creations: tuple[Creation, ...] = ()
    setup: Setup | None = None
    configurations: tuple[OtherConfiguration, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    program: ProgramFile | None = None
    """The program of Alembic in the image; None if it was not looked for."""
    starts_in: str = ""
    """The folder in the container that Alembic is started in; empty if it is the container's own."""
    stopped: tuple[Stopped, ...] | Unknown = ()
    packages: dict[str, Reader] = field(default_factory=dict, repr=False)
    """See ``ImageFiles.links``."""

    def __post_init__(self) -> None:
        self.view = view_of(self.target.build)

    @property
    def image_env(self) -> Mapping[str, str]:
        """The image's ENV; empty if the image was not read."""
        return self.image_config.env if self.image_config else {}

    def take(self, place: PlaceName, environment: Environment | Unknown) -> None:
        """Store the result of reading a place."""
        if isinstance(environment, Unknown):
            self.places[place] = environment
            return
        self.places[place] = environment.migrations
        self.graphs[place] = environment.graph
        self.problems[place] = environment.problems


def view_of(build: BuildSpec | None) -> BuildView | Unknown | NotAsked:
    """The traced build; NotAsked without a build, Unknown if it cannot be traced."""
    if build is None:
        return NotAsked("it is unknown how the image is built")
    return trace(build.dockerfile, build.context, target=build.target, args=build.args, contexts=dict(build.contexts))


def host_home(survey: Survey) -> Home:
    """Alembic's starting place on the host."""
    config = str(survey.target.config)
    return Home(str(host_cwd(survey)), config, survey.target.section, around=_around(survey))


def _around(survey: Survey) -> tuple[str, ...]:
    """The host's folders that Alembic may be started in, besides its counterpart of the working directory: the compose
    file's, those above the configuration up to git's root, or else up to the project's folders."""
    target = survey.target
    project = target.model.directory if target.model else str(target.root)
    held = [folder for folder in (project, str(target.root)) if target.config.is_relative_to(folder)]
    repository = next((folder for folder in target.config.parents if (folder / ".git").exists()), None)
    top = str(repository) if repository else min(held, key=len, default=str(target.config.parent))
    return tuple(dict.fromkeys((project, *above(str(target.config), top))))


def host_cwd(survey: Survey) -> Path:
    """The host's counterpart of the container's working directory, the base of relative paths in the configuration."""
    view = survey.view
    if isinstance(view, BuildView):
        working_dir = working_dir_of(survey, view.workdir or "")
        folder = view.host_path_of(_start(survey, working_dir)) if working_dir else None
        if folder is not None and folder.is_dir():
            return folder
        if working_dir and (parent := _copied_below(survey, view, _start(survey, working_dir))):
            return parent
    return survey.target.config.parent


def _copied_below(survey: Survey, view: BuildView, start: str) -> Path | None:
    """The host's counterpart of ``start`` if only folders below it are copied: with ``COPY shop shop``, it is the
    folder of ``shop``."""
    config = survey.target.config
    for path in view.image_path_of(config):
        below = PurePosixPath(path)
        if below.is_relative_to(start):
            tail = below.relative_to(start)
            if config.parts[-len(tail.parts) :] == tail.parts:
                return Path(*config.parts[: -len(tail.parts)])
    return None


def working_dir_of(survey: Survey, own: str) -> str:
    """The container's working directory: compose's, else ``own`` (the image's)."""
    return posixpath.join(own, survey.target.working_dir) if survey.target.working_dir else own


def _start(survey: Survey, working_dir: str) -> str:
    """The folder that Alembic starts in, for a container with this working directory."""
    return posixpath.normpath(posixpath.join(working_dir, survey.target.folder))


def image_home(survey: Survey, working_dir: str) -> Home:
    """Alembic's starting place in the image, by the path to which the build copies the host's configuration."""
    target, view = survey.target, survey.view
    start = _start(survey, working_dir)
    config = target.image_config
    if not config and isinstance(view, BuildView):
        exported = view.image_path_of(target.config)
        config = next((path for path in exported if posixpath.dirname(path) == start), *exported[:1] or ("",))
    if not config:
        cwd = host_cwd(survey)
        below = target.config.relative_to(cwd) if target.config.is_relative_to(cwd) else Path(target.config.name)
        config = posixpath.join(start, below.as_posix())
    around = (*above(config), *((working_dir,) if working_dir else ()))
    return Home(start, config, target.section, None if target.absent else target.config.read_bytes(), around=around)
