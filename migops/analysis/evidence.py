"""The input of the rules: the chain, and the facts that explain why a link broke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migops.analysis.chain import Chain
from migops.core.model import ImageIdentity, Location, MigrationSet, NotAsked, PlaceName, Reading, Unknown
from migops.core.printed import Commands

if TYPE_CHECKING:  # what a clean check never needs is not imported for its sake
    from migops.compose import Project
    from migops.entrypoint.startup import Change, Startup
    from migops.images.image import Layer
    from migops.migrations.config import ConfigFile
    from migops.migrations.graph import Graph
    from migops.migrations.not_null import Strict
    from migops.migrations.problem import Problem
    from migops.sources.application import Creation
    from migops.sources.code import Code
    from migops.sources.container_model import Container
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
    from migops.sources.pinned import Pin
    from migops.sources.program_file import ProgramFile
    from migops.sources.proxies import Proxied
    from migops.sources.stopped import Stopped
    from migops.sources.worktree import Worktree


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A script on the host that a COPY would include, if a line of an ignore file did not exclude it."""

    name: str
    at: Location
    pattern: str


@dataclass(frozen=True, slots=True)
class Copies:
    """The lines that a Dockerfile lacks. ``at``: the file, and where in it they go.

    ``scripts``: for the folder with the scripts; '' if the build brings them. ``files``: for the files around them, by
    name; those of the folder have its line.
    """

    at: str
    scripts: str
    files: Mapping[str, str]

    @property
    def location(self) -> Location:
        """The file, and the line below which they go (0: not known)."""
        file, _, line = self.at.rpartition(", after line ")
        return Location(file, int(line)) if file else Location(self.at)

    def edit(self, *lines: str) -> str:
        """The edit in words, with these lines."""
        return f"in {self.at}, add: {'; '.join(dict.fromkeys(lines))}"


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another service with the same image, or with one built from the same sources.

    ``image``: the migrations in its image, None if there is no readable image yet.
    """

    service: str
    image: MigrationSet | None
    containers: tuple[Container, ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """A mount in the compose file over files that Alembic reads, which no existing container shows yet.

    ``kind``: tmpfs, bind, config or secret; ``target``: a path in the container; ``at``: the line of the compose file.
    ``names``: the files that Alembic will see differently from image and host.
    """

    kind: str
    source: str
    target: str
    at: Location
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SchemaCheck:
    """What the database's tables say of the scripts.

    ``never_run``: applied revisions with what they create and the database lacks. ``failing``: columns that pending
    revisions add as NOT NULL without a default, to tables that have rows.
    """

    never_run: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failing: tuple[Strict, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """The project's own files apart from the migrations; read only for ``doctor``."""

    config: ConfigFile
    """Alembic's configuration on the host."""
    project: Project | None = None
    """None without a compose file."""
    url: Sought | None = None
    """The URL of the service's database; None if none was found."""
    unimported: tuple[Model, ...] | Unknown = ()
    """The models that env.py does not import."""
    passwords: Mapping[tuple[str, str], tuple[Written, ...]] = field(default_factory=dict)
    """Other places with the password of a service's variable, by service and variable."""
    env_files: tuple[CopiedEnvFile, ...] = ()
    """The ``.env`` files that a build would copy into the image."""
    alembic: Pin | None = None
    """The newest Alembic that the project's own files allow; None if they set no bound."""
    sqlalchemy: Pin | None = None
    """The newest SQLAlchemy that they allow."""
    has_models: bool = True
    """False if none of the project's modules defines a table."""
    proxies: tuple[Proxied, ...] = ()
    """The ports of our services to which another service passes requests on."""
    gives_url: str = ""
    """A module of the project that sets Alembic's URL itself when it runs Alembic; '' if there is none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was read, once; rules read nothing themselves."""

    chain: Chain
    graphs: Mapping[PlaceName, Graph]
    """The revision graph of each place that was read."""
    commands: Commands
    image: ImageIdentity | None = None
    exclusions: tuple[Exclusion, ...] = ()
    not_copied: str = ""
    """The reason why no COPY includes the scripts."""
    copies: Copies | None = None
    """What the Dockerfile lacks; None if the build brings everything, or nobody can tell."""
    uncached: str = ""
    """An instruction other than a COPY that puts files at the image's path."""
    base: str = ""
    """The base image that FROM names."""
    layers: Mapping[str, Layer | Unknown] = field(default_factory=dict)
    """The layer with each script of the image that differs, or why it is unknown."""
    code: Code | Unknown | None = None
    """The comparison of all other files; None if not asked for."""
    git_records: Mapping[str, GitRecord] = field(default_factory=dict)
    """Git's knowledge of the scripts that the host lacks, by script name."""
    many_heads_are_meant: bool = False
    problems: Mapping[PlaceName, tuple[Problem, ...]] = field(default_factory=dict)
    """Problems of Alembic's configuration."""
    containers: tuple[Container, ...] = ()
    """The service's containers, including one-off ones."""
    siblings: tuple[Sibling, ...] = ()
    for_siblings: bool = False
    """True if no service was named, so the verdict covers ``siblings`` too."""
    owner: tuple[int, int] | None = None
    """User and group ID of the host's versions folder."""
    question: Question | None = field(default=None, repr=False)
    """The database to ask, and how."""
    database: DatabaseReading = field(default_factory=NotAsked)
    alembic: tuple[str, ...] = ("alembic",)
    program: ProgramFile | None = None
    """The program of Alembic in the image; None if it was not looked for."""
    starts_in: str = ""
    """The folder in the container that Alembic is started in; empty if it is the container's own."""
    """The words that run Alembic in the service, with the options that it needs there."""
    worktrees: tuple[Worktree, ...] | Unknown = ()
    """Git's status of the scripts that differ from HEAD, by repository; () if HEAD was not read."""
    past: GitHistory | Unknown | None = None
    """Git's history of scripts that the database has applied; None if there was nothing to ask."""
    drift: Drift | Unknown | None = None
    """Differences between models and schema; None if not asked for."""
    startups: Mapping[PlaceName, tuple[Startup, ...] | Unknown] = field(default_factory=dict)
    """Startup commands of the service and its siblings: in the image, and in a fresh build; {} if not asked for."""
    build_changes: tuple[Change, ...] = ()
    command_at: Location | None = None
    """The line of the Dockerfile's CMD or ENTRYPOINT; None if it is not known, or only the base image has them."""
    """The upgrades that a RUN of the Dockerfile makes; () if not asked for."""
    creations: tuple[Creation, ...] = ()
    """The lines of the host's code that create tables."""
    setup: Setup | None = None
    """None if not asked for."""
    configurations: tuple[OtherConfiguration, ...] = ()
    """Calls of Alembic that read other migrations than the compared ones."""
    hidden: tuple[Hidden, ...] = ()
    """Mounts in the compose file that will cover the migrations."""
    schema: SchemaCheck | Unknown | None = None
    """None if there was nothing to ask, or nobody asked."""
    stopped: tuple[Stopped, ...] | Unknown = ()
    """Containers that do not stay up, and the project's database servers; read only for ``doctor``."""

    def reading(self, place: PlaceName) -> Reading | DatabaseReading:
        """The content of a place, or why it was not read."""
        return self.database if place is PlaceName.DATABASE else self.chain.places.get(place, NotAsked())
