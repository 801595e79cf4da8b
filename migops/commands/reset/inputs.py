"""All that a reset is planned by, read once; reading it changes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path

from migops.analysis.script_diff import content_difference
from migops.commands import backup
from migops.commands.backup import external_sessions
from migops.commands.backup.external_sessions import Clients, Container
from migops.commands.backup.source import Source
from migops.commands.deploy import inputs as deploys
from migops.commands.deploy import rollback
from migops.commands.deploy.commands import Words
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.core.errors import Aborted, MigopsError, Unavailable
from migops.core.model import Absent, MigrationSet, PlaceName, Unknown
from migops.database.postgres import swap_statements, usage
from migops.database.postgres.maintenance import maintenance
from migops.database.postgres.swap_statements import Properties
from migops.database.postgres.usage import DatabaseUsage, Session
from migops.docker import Engine, containers
from migops.sources.database import find_url
from migops.target import Target

IGNORED = "not committed, and ignored by"
_LASTS = 1.0  # seconds after which a session is looked at once more: a health check's is gone by then
_BY_HAND = (
    "by hand, without losing anything: back the database up with its own tools, let the service's URL name a new, "
    "empty one (leave the old one as it is), move the scripts to a folder outside the project, then have Alembic write "
    "a first revision with --autogenerate in the service, and apply it"
)


@dataclass(frozen=True, slots=True)
class Script:
    """A script on the host that the reset replaces. ``name`` is relative to the versions folder. ``unsaved`` says how
    it differs from git's HEAD, '' where git has it."""

    name: str
    path: Path
    sha256: str
    unsaved: str = ""
    link: str = ""
    """Where it leads to, if it is a symlink."""


@dataclass(frozen=True, slots=True)
class ResetInputs:
    """What was read before anything is done. It is also the swap's plan: see ``backup.replacement``."""

    deploy: DeployInputs
    source: Source
    properties: Properties
    """Those of the current database."""
    usage: DatabaseUsage
    sessions: tuple[str, ...]
    """Sessions of other clients than this project's containers, a phrase each."""
    clients: Clients
    scripts: tuple[Script, ...]
    folder: Path
    """The versions folder on the host, without symlinks."""
    saved: Path
    """The folder in the state folder that the old scripts go to, and later those that the way back takes away."""
    new: str
    """The name under which the new database is made."""
    old: str
    """The name under which the current one is kept."""
    undone: str
    """The name that the new one gets on the way back."""
    deep: bool = False
    """Whether Alembic reads the subfolders of the versions folder too."""
    stopping: tuple[Container, ...] = ()
    """None: the services stop in a step of its own."""

    @property
    def database(self) -> str:
        """The database's name."""
        return self.source.database

    @property
    def target(self) -> Target:
        return self.deploy.target

    @property
    def others(self) -> tuple[Container, ...]:
        """The containers that use the database and do not run the application's image: stopped, then started again."""
        names = {each.name for each in self.deploy.services}
        return tuple(each for each in self.clients.stopping if each.service not in names)

    @property
    def running(self) -> tuple[str, ...]:
        """The application's services of which a container runs."""
        return tuple(each.name for each in self.deploy.services if each.runs)


def read(target: Target, engine: Engine, options: Options, program: Words, folder: Path) -> ResetInputs:
    """Read everything. ``folder``: the state folder, which need not exist.

    Raises ``Aborted`` (5) where the database is not one that can be reset, ``Unavailable`` where it does not answer.
    """
    deployed = deploys.observe(target, engine, options, program)
    rollbacks = rollback.find(engine, folder, deployed.services, options.unchecked_watch)
    deployed = replace(deployed, rollbacks=rollbacks)
    source = _source(deployed, engine)
    properties, used = _database(engine, source, options.timeout)
    addresses = {each.address for each in used.sessions if each.address}
    clients = external_sessions.clients(engine, source, target, deployed.project, addresses)
    stamp = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}"
    host = _host(deployed)
    return ResetInputs(
        deployed, source, properties, used, _foreign(engine, deployed, source, used.sessions, options.timeout), clients,
        tuple(scripts_of(deployed, host)), Path(os.path.realpath(host.location[0])), folder / "reset" / stamp,
        swap_statements.beside(source.database, "reset", stamp), swap_statements.beside(source.database, "old", stamp),
        swap_statements.beside(source.database, "undone", stamp), deep=_is_deep(deployed),
    )  # fmt: skip


def _source(deployed: DeployInputs, engine: Engine) -> Source:
    """The database, which a running container of this project must serve."""
    address = find_url(deployed.question)
    if isinstance(address, Unknown):
        raise Unavailable(address.reason, hint=address.hint)
    kind = address.text.strip().partition(":")[0].partition("+")[0].lower()
    if kind not in ("postgresql", "postgres"):
        raise Aborted(f"the database ({address.origin}) is {kind}; migops resets PostgreSQL only", hint=_BY_HAND)
    if not deployed.database_service:
        raise Aborted(
            f"the database's server ({address.origin}) is not a service of this project, so others may depend on it; "
            "migops resets only a database that this compose project runs itself",
            hint="for development, add a PostgreSQL service to the compose file and let the application use that",
        )
    try:
        source = backup.find(deployed.question, engine)
    except Unavailable:
        raise
    except MigopsError as error:
        raise Aborted(error.message, at=error.at, hint=error.hint) from None
    if source.server != deployed.database_service:
        raise Aborted(f"{source.at} is not a service of this project; migops resets no other server's database")
    return source


def led_elsewhere(server: str, container: Collection[str]) -> bool:
    """True if a server at this address is not in the container with those: that is a tunnel or a proxy. An address
    that is not known, or that every machine and container has of itself, says nothing."""
    if not server or ip_address(server).is_loopback:
        return False
    known = [each for each in container if ip_address(each).version == ip_address(server).version]
    return bool(known) and server not in known


def _database(engine: Engine, source: Source, timeout: float) -> tuple[Properties, DatabaseUsage]:
    with maintenance(source.reached.url, "migops") as server:
        properties, at = server.properties(source.database), server.address()
    if led_elsewhere(at, containers.addresses(engine, source.container) if source.container else ()):
        raise Aborted(
            f"{source.name} is not the database's server: it passes connections on to {at}, so others may depend on "
            "what is there; migops resets only a database that this compose project runs itself",
            hint="if that is a service of this project, name it: x-migops: {database-url: URL} under the service",
        )
    if properties is None:
        raise Aborted(f"there is no database {source.database}: nothing is to be replaced")
    return properties, usage.read(source.reached.url, timeout)


def _foreign(
    engine: Engine, deployed: DeployInputs, source: Source, sessions: Sequence[Session], timeout: float
) -> tuple[str, ...]:
    """The sessions from outside of the project's containers that are still there a moment later."""

    def others(some: Sequence[Session]) -> tuple[str, ...]:
        pairs = [(each.address, each.application) for each in some]
        return external_sessions.others(engine, deployed.project.name, pairs)

    if not others(sessions):
        return ()
    time.sleep(_LASTS)
    known = {each.pid for each in sessions}
    return others([each for each in usage.read(source.reached.url, timeout).sessions if each.pid in known])


def _is_deep(found: DeployInputs) -> bool:
    setup = found.evidence.setup
    option = setup.config.options.get("recursive_version_locations") if setup else None
    return option is not None and str(option.value).lower() == "true"


def _host(found: DeployInputs) -> MigrationSet:
    host = found.evidence.chain.held(PlaceName.HOST)
    if host is None or not host.location:
        raise Unavailable("the migrations on the host could not be read")
    return host


def scripts_of(found: DeployInputs, host: MigrationSet) -> Iterator[Script]:
    """The scripts that a reset replaces, each with what git has of it."""
    git, trees = found.evidence.chain.places.get(PlaceName.GIT), found.evidence.worktrees
    ignoring = {
        name: line for tree in (trees if isinstance(trees, tuple) else ()) for name, line in tree.ignored.items()
    }
    for name, file in sorted(host.scripts.items()):
        path = Path(os.path.realpath(Path(file.path).parent), Path(file.path).name)
        if path.name == "__init__.py":
            continue
        unsaved = _unsaved(git, name, file.content)
        ignored = ignoring.get(name) if unsaved else None
        folder = next((each for each in map(os.path.realpath, host.location) if path.is_relative_to(each)), path.parent)
        why = f"{IGNORED} {ignored.at}" if ignored else unsaved
        link = str(path.readlink()) if path.is_symlink() else ""
        yield Script(str(path.relative_to(folder)), path, file.sha256, why, link)


def _unsaved(git: object, name: str, content: bytes) -> str:
    if not isinstance(git, MigrationSet):
        return "not in git" if isinstance(git, Absent) else "not known to be in git"
    if name not in git.scripts:
        return "not committed"
    same = content_difference(content, git.scripts[name].content) in ("same", "bom", "line-ends")
    return "" if same else "modified since the last commit"
