"""All that a deploy is planned by, read once; reading it changes nothing."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from migops import collect
from migops.analysis.database_position import DatabasePosition, position
from migops.analysis.evidence import Evidence
from migops.collect.database_query import Ask
from migops.commands.deploy.commands import Compose, Words
from migops.commands.deploy.options import Options
from migops.commands.deploy.previous import Previous
from migops.commands.deploy.previous import read as read_previous
from migops.commands.deploy.rollback import Rollback
from migops.commands.deploy.services import DeployedService, choose, one_shots, scale_of, without_check
from migops.compose import Project, Service
from migops.core.errors import MigopsError
from migops.core.model import MigrationSet, PlaceName
from migops.docker import Engine, compose_labels
from migops.migrations.graph import Graph
from migops.sources.container_model import Container
from migops.sources.database_address import service_of
from migops.sources.database_question import Question
from migops.sources.database_state import DatabaseState
from migops.sources.mounts import Mount, at_or_below
from migops.target import Target
from migops.target.alembic_program import program


@dataclass(frozen=True, slots=True)
class OldStart:
    """The command by which the old containers of a service migrate when they start, in words. ``restarts``: also when
    one is restarted; a ``pre_start`` runs only where compose creates one."""

    command: str
    restarts: bool = True


@dataclass(frozen=True, slots=True)
class DeployInputs:
    """What was read before anything is done.

    ``services`` are the services that are swapped, the target first; ``left`` those of the same image that stay as they
    are, with the reason. ``needs`` are the services that must run before a migration can, ``idle`` those
    of them that do not run. ``database_service`` is the
    one that the URL leads to, '' for a database outside of the project. ``scale`` is the number of replicas of services
    that run more than the compose file says. ``starts_in`` is where Alembic is started, where that is not the image's
    own working directory. ``program`` are the words of the compose CLI. ``is_image_only``: the host has no migrations,
    and what stands for them was taken from the image that is here. ``unchecked`` are the services without a health
    check.
    ``rollbacks`` is the way back of each service. ``previous`` is what the members
    run as now. ``discards``: a container has what is given up, so that it
    must be created anew though nothing else has changed. ``old_starts`` tells by which command the old containers of a
    service migrate whenever they start, where a failure of it ends them.
    """

    target: Target
    evidence: Evidence
    question: Question
    services: tuple[DeployedService, ...]
    left: Mapping[str, str]
    needs: tuple[str, ...]
    idle: tuple[str, ...]
    database_service: str
    scale: Mapping[str, int] = field(default_factory=dict)
    starts_in: str = ""
    program: Words = ("docker", "compose")
    is_image_only: bool = False
    unchecked: tuple[str, ...] = ()
    rollbacks: Mapping[str, Rollback] = field(default_factory=dict)
    previous: Previous = field(default_factory=Previous)
    discards: bool = False
    old_starts: Mapping[str, OldStart] = field(default_factory=dict)

    @property
    def goal(self) -> str:
        """What Alembic is told to upgrade to."""
        return "heads" if self.target.many_heads else "head"

    @property
    def project(self) -> Project:
        if self.target.model is None:
            raise LookupError("a deploy without a compose project; the command line must not allow it")
        return self.target.model

    @property
    def service(self) -> Service:
        return self.project.services[self.target.service]

    def builder(self, service: str) -> str:
        """The service whose build makes the image of this one; '' where nothing of the project builds it."""
        return service if self.project.services[service].build else self.target.commands.built_by.get(service, "")

    @property
    def keeps_entrypoint(self) -> bool:
        """Whether Alembic needs the image's entrypoint to come first, as ``x-migops`` says."""
        return program(self.target).keeps_entrypoint

    @property
    def compose(self) -> Compose:
        """The compose CLI as the user calls it."""
        return Compose((*self.program, *self.target.commands.options))

    @property
    def host(self) -> MigrationSet:
        """What the host has: that is what the new image must hold."""
        held = self.evidence.chain.held(PlaceName.HOST)
        if held is None:
            raise LookupError("the host was not read; survey.check raises where it cannot be")
        return held

    @property
    def has_old(self) -> bool:
        """Whether there is an image already, or a container of one: something to go back to."""
        return self.evidence.image is not None or any(each.containers for each in self.services)

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The versions folders as the container names them, as far as image or context tell."""
        held = self.evidence.chain.held(PlaceName.IMAGE) or self.evidence.chain.held(PlaceName.CONTEXT)
        return held.location if held else ()

    @property
    def history(self) -> Graph:
        """The host's history."""
        return self.evidence.graphs[PlaceName.HOST]

    @property
    def heads(self) -> tuple[str, ...]:
        """The rows that the database has after the upgrade."""
        return tuple(sorted(self.history.effective_heads))

    @property
    def state(self) -> DatabaseState | None:
        """What the database says; None where it could not be asked, or does not run yet."""
        found = self.evidence.database
        return found if isinstance(found, DatabaseState) else None

    @property
    def position(self) -> DatabasePosition | None:
        """How the database stands to the host's history."""
        return position(self.evidence, PlaceName.HOST) if self.state is not None else None

    @property
    def volumes(self) -> tuple[Mount, ...]:
        """Named volumes of the target that lie over the migrations and show others than the host has."""
        return _freezing(self, named=True)

    @property
    def code_volumes(self) -> tuple[Mount, ...]:
        """Named volumes that lie over more than the migrations: whatever else of the image is there, is not seen."""
        found = {
            mount.source: mount for member in self.services for each in member.containers if each.migrations
            for mount in _covers(each)
            if not mount.is_anonymous and not at_or_below(mount.target, each.migrations.script_location)
        }  # fmt: skip
        return tuple(found.values())

    @property
    def anonymous(self) -> tuple[str, ...]:
        """Anonymous volumes that lie over the migrations of members: they must be made anew."""
        return tuple(
            mount.source for member in self.services for each in member.containers
            for mount in _covers(each) if mount.is_anonymous
        )  # fmt: skip


def observe(target: Target, engine: Engine, options: Options, compose: Words, ask_url: str = "",
           named: Sequence[str] = ()) -> DeployInputs:  # fmt: skip
    """Read everything. ``named`` are further services that the user wants to be swapped."""
    evidence = collect.check(target, lambda: engine, ask=Ask(ask_url, options.timeout), lint=True)
    project = target.model
    question = evidence.question
    if project is None or question is None:
        raise MigopsError("a deploy needs a compose project", hint="run it where the compose file is, or name it: -f")
    services, left = choose(target, evidence, project, engine, named)
    database_service = service_of(_host_of(question), project)
    # A service that is left as it is must not be started either: one that migrates would do so before the backup.
    required = _needs(project, [each.name for each in services])
    needs = tuple(name for name in required if name in project.services and name not in left)
    if database_service and database_service not in needs:
        needs = (database_service, *needs)
    idle = not_running(engine, project, needs)
    starts_in = evidence.starts_in or _starts_in(target, engine)
    return DeployInputs(
        target,
        evidence,
        question,
        services,
        left,
        needs,
        idle,
        database_service,
        scale_of(project, services),
        starts_in,
        compose,
        unchecked=without_check(project, engine, services),
        previous=read_previous(engine, project, (*compose, *target.commands.options), compose, services),
        discards=bool(options.discard),
    )


def _needs(project: Project, services: Sequence[str]) -> list[str]:
    """The services that the members depend on, directly or through others, in the order in which they must start."""
    needs: list[str] = []

    def visit(name: str) -> None:
        service = project.services.get(name)
        for other in service.depends_on if service else ():
            if other not in needs and other not in services:
                visit(other)
                if other not in needs:
                    needs.append(other)

    for name in services:
        visit(name)
    return needs


def not_running(engine: Engine, project: Project, services: Sequence[str]) -> tuple[str, ...]:
    """Those of the services of which no container runs, in the same order; one that has done its work is none."""
    found, once = engine.containers(compose_labels.filters(project.name)), one_shots(project)
    at_work = {
        compose_labels.service_of(each)
        for each in found
        if each.get("State") == "running" and not compose_labels.is_one_off(each)
    }
    at_work |= {
        name for each in found
        if (name := compose_labels.service_of(each)) in once
        and each.get("State") == "exited" and "(0)" in str(each.get("Status"))
    }  # fmt: skip
    return tuple(name for name in services if name not in at_work)


def _host_of(question: Question) -> str:
    """The host in the database's URL as the service has it; '' where there is none to be read."""
    from migops.core.model import Unknown
    from migops.database import parse_url
    from migops.sources.database import find_url

    sought = find_url(question)
    if isinstance(sought, Unknown) or not sought.inside:
        return ""
    try:
        return parse_url(sought.text).host
    except MigopsError:
        return ""


def _starts_in(target: Target, engine: Engine) -> str:
    """The working directory for a one-off, where Alembic is started in another one than the service."""
    if not target.folder:
        return ""
    try:
        own = str((engine.image(target.image).get("Config") or {}).get("WorkingDir") or "/")
    except MigopsError:
        own = "/"
    return posixpath.normpath(posixpath.join(own, target.working_dir, target.folder))


def _covers(container: Container) -> list[Mount]:
    """The volumes that lie over the container's migrations."""
    held = container.migrations
    over = [container.cover(folder) for folder in held.location] if held else []
    return [mount for mount in dict.fromkeys(over) if mount is not None and mount.type == "volume"]


def _freezing(inputs: DeployInputs, *, named: bool) -> tuple[Mount, ...]:
    from migops.sources.container_model import digests

    mounts: dict[str, Mount] = {}
    for member in inputs.services:
        for each in member.containers:
            held = each.migrations
            if held is not None and digests(held) != digests(inputs.host):
                mounts |= {mount.source: mount for mount in _covers(each) if mount.is_anonymous is not named}
    return tuple(mounts.values())
