"""All that the rules may look at: the chain, and the facts around it that say why a link broke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migops.analysis.chain import Chain
from migops.core.model import ImageIdentity, Location, MigrationSet, NotAsked, PlaceName, Reading, Unknown
from migops.core.printed import Commands

if TYPE_CHECKING:  # what a clean check never needs is not imported for its sake
    from migops.compose import Project
    from migops.entrypoint.startup import Startup
    from migops.images.image import Layer
    from migops.migrations.config import ConfigFile
    from migops.migrations.graph import Graph
    from migops.migrations.problem import Problem
    from migops.sources.application import Creation
    from migops.sources.code import Code
    from migops.sources.container import Container
    from migops.sources.database_question import Question
    from migops.sources.database_state import DatabaseReading
    from migops.sources.database_url import Sought
    from migops.sources.drift import Drift
    from migops.sources.env_files import CopiedEnvFile
    from migops.sources.git_history import GitHistory
    from migops.sources.git_status import GitRecord
    from migops.sources.home import OtherConfiguration
    from migops.sources.models import Model
    from migops.sources.passwords import Written
    from migops.sources.worktree import Worktree


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A script of the host that a COPY would have brought, had a line of an ignore file not dropped it."""

    name: str
    at: Location
    pattern: str


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another service that runs the same image, or one built from the same sources.

    ``image`` is what its image holds, None where it has none (yet) that can be read.
    """

    service: str
    image: MigrationSet | None
    containers: tuple[Container, ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the compose file puts over files that Alembic reads, where no container shows it yet.

    ``kind`` is tmpfs, bind, config or secret; ``target`` a path of the container, ``at`` the line of the compose file.
    ``names`` are the files that Alembic will see otherwise than the image and the host have them.
    """

    kind: str
    source: str
    target: str
    at: Location
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the project's own files say beside the migrations: only ``doctor`` looks at it.

    ``project`` is None without a compose file; ``config`` is Alembic's configuration on the host, ``url`` the database
    that the service means, None where none was found. ``unimported`` are the models that env.py does not lead to.
    ``passwords`` says where else the password stands that a variable of a service has, by service and variable;
    ``env_files`` are the ``.env`` files that a build would copy into the image.
    """

    config: ConfigFile
    project: Project | None = None
    url: Sought | None = None
    unimported: tuple[Model, ...] | Unknown = ()
    passwords: Mapping[tuple[str, str], tuple[Written, ...]] = field(default_factory=dict)
    env_files: tuple[CopiedEnvFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read, once; rules judge it and read nothing themselves.

    ``graphs`` holds the revision graph of each place that was read; ``problems`` are those of Alembic's configuration.
    ``exclusions`` and ``not_copied`` say why the build would not bring scripts; ``uncached`` is an instruction other
    than a COPY that puts files at the image's path; ``base`` is what FROM names. ``layers`` says which layer holds each
    script of the image that differs, or why that cannot be told; ``code`` compares all other files, where that was
    asked for. ``git_records`` says what git knows of scripts that the host lacks, by script name. ``containers`` are
    those of the service, one-off ones too; ``for_siblings`` tells that no service was named, so that the answer stands
    for ``siblings`` too; ``owner`` is the user and group ID of the host's versions folder. ``question`` is what was
    asked of which database, and ``database`` what it says; ``alembic`` the words that run Alembic in the service, with
    the options that it needs there. ``worktrees`` is what git says of the scripts that are not as HEAD has them, a
    repository each (() where git's HEAD was not read); ``past`` what its history says of scripts that the database has
    had, None where nothing was to ask. ``drift`` is how models and schema differ, where that was asked for.
    ``configurations`` are calls of Alembic that read other migrations than those compared; ``hidden`` is what the
    compose file will lay over the migrations. ``startups`` are what the service and its siblings run when they start,
    by the image that they run and by what a build would make of it now; {} where nobody asked. ``creations`` are the
    lines of the host's code that make tables; ``setup`` is None where nobody asked for it.
    """

    chain: Chain
    graphs: Mapping[PlaceName, Graph]
    commands: Commands
    image: ImageIdentity | None = None
    exclusions: tuple[Exclusion, ...] = ()
    not_copied: str = ""
    uncached: str = ""
    base: str = ""
    layers: Mapping[str, Layer | Unknown] = field(default_factory=dict)
    code: Code | Unknown | None = None
    git_records: Mapping[str, GitRecord] = field(default_factory=dict)
    many_heads_are_meant: bool = False
    problems: Mapping[PlaceName, tuple[Problem, ...]] = field(default_factory=dict)
    containers: tuple[Container, ...] = ()
    siblings: tuple[Sibling, ...] = ()
    for_siblings: bool = False
    owner: tuple[int, int] | None = None
    question: Question | None = field(default=None, repr=False)
    database: DatabaseReading = field(default_factory=NotAsked)
    alembic: tuple[str, ...] = ("alembic",)
    worktrees: tuple[Worktree, ...] | Unknown = ()
    past: GitHistory | Unknown | None = None
    drift: Drift | Unknown | None = None
    startups: Mapping[PlaceName, tuple[Startup, ...] | Unknown] = field(default_factory=dict)
    creations: tuple[Creation, ...] = ()
    setup: Setup | None = None
    configurations: tuple[OtherConfiguration, ...] = ()
    hidden: tuple[Hidden, ...] = ()

    def reading(self, place: PlaceName) -> Reading | DatabaseReading:
        """What was read of a place, or why nothing was."""
        return self.database if place is PlaceName.DATABASE else self.chain.places.get(place, NotAsked())
