"""What a survey has read so far, and where Alembic starts in each place."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from migops.analysis.evidence import Exclusion, Hidden, Setup, Sibling
from migops.core.model import ImageIdentity, NotAsked, PlaceName, Reading, Unknown
from migops.dockerfile.trace import BuildView, trace
from migops.migrations.scripts import Known
from migops.sources.environment import Environment
from migops.sources.home import Home, OtherConfiguration, Reader
from migops.target import BuildSpec, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migops.entrypoint import Startup
    from migops.images import ImageConfig
    from migops.migrations.graph import Graph
    from migops.migrations.problem import Problem
    from migops.sources.application import Creation
    from migops.sources.container import Container


@dataclass(slots=True)
class Survey:
    """One reading of the chain, place by place. ``known`` lets places share the work of parsing the same scripts."""

    target: Target
    view: BuildView | Unknown | NotAsked = field(init=False)
    places: dict[PlaceName, Reading] = field(default_factory=dict)
    graphs: dict[PlaceName, Graph] = field(default_factory=dict)
    problems: dict[PlaceName, tuple[Problem, ...]] = field(default_factory=dict)
    image: ImageIdentity | None = None
    known: Known = field(default_factory=dict)
    exclusions: tuple[Exclusion, ...] = ()
    not_copied: str = ""
    uncached: str = ""
    containers: tuple[Container, ...] = ()
    siblings: tuple[Sibling, ...] = ()
    bound: bool = False
    home: Home | None = None  # where Alembic starts in the image
    image_config: ImageConfig | None = field(default=None, repr=False)
    startups: dict[PlaceName, tuple[Startup, ...] | Unknown] = field(default_factory=dict)
    creations: tuple[Creation, ...] = ()
    setup: Setup | None = None
    configurations: tuple[OtherConfiguration, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    packages: dict[str, Reader] = field(default_factory=dict, repr=False)  # see ImageFiles.links

    def __post_init__(self) -> None:
        self.view = view_of(self.target.build)

    @property
    def image_env(self) -> Mapping[str, str]:
        """What the image's ENV sets; nothing where it was not read."""
        return self.image_config.env if self.image_config else {}

    def take(self, place: PlaceName, found: Environment | Unknown) -> None:
        """Note what reading a place gave."""
        if isinstance(found, Unknown):
            self.places[place] = found
            return
        self.places[place] = found.migrations
        self.graphs[place] = found.graph
        self.problems[place] = found.problems


def view_of(build: BuildSpec | None) -> BuildView | Unknown | NotAsked:
    if build is None:
        return NotAsked("it is unknown how the image is built")
    return trace(build.dockerfile, build.context, target=build.target, args=build.args, contexts=dict(build.contexts))


def host_home(survey: Survey) -> Home:
    """Where Alembic starts on the host."""
    return Home(str(host_cwd(survey)), str(survey.target.config), survey.target.section)


def host_cwd(survey: Survey) -> Path:
    """The host folder that is the container's working directory: relative paths of the configuration start there."""
    view = survey.view
    if isinstance(view, BuildView):
        working_dir = working_dir_of(survey, view.workdir or "")
        folder = view.host_path_of(_start(survey, working_dir)) if working_dir else None
        if folder is not None and folder.is_dir():
            return folder
    return survey.target.config.parent


def working_dir_of(survey: Survey, own: str) -> str:
    """The container's working directory, where the image's own is ``own``; compose may set another."""
    return posixpath.join(own, survey.target.working_dir) if survey.target.working_dir else own


def _start(survey: Survey, working_dir: str) -> str:
    """The folder that Alembic starts in, in a container with this working directory."""
    return posixpath.normpath(posixpath.join(working_dir, survey.target.folder))


def image_home(survey: Survey, working_dir: str) -> Home:
    """Where Alembic starts in the image, by what the build does with the host's configuration file."""
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
    return Home(start, config, target.section, target.config.read_bytes())
