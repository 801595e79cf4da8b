"""The database to back up, and the container with PostgreSQL's programs: the server's own, or a one-off."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from migops import collect
from migops.collect import database_query
from migops.collect.state import host_home
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Absent, MigrationSet, PlaceName, Unknown
from migops.database.postgres import dump_commands
from migops.database.postgres.tools import Tools
from migops.docker import Engine, execs, making
from migops.docker.containers import name_of, running
from migops.sources.database import Reached, find_url, reach
from migops.sources.database_address import INSTEAD, service_of
from migops.sources.database_question import Question
from migops.state.process import known, ourselves
from migops.target import Target

_LONGEST = 24 * 3600  # seconds after which a one-off ends by itself, even if migops was killed
ONE_OFF = "migops.commands.backup"
"""Label of the one-off containers with the programs; its value is the process that created them."""
_KINDS = {"sqlite": "SQLite's", "mysql": "MySQL's", "mariadb": "MariaDB's"}
_INSTEAD = "set an address that can be reached from here: x-migops: {database-url: URL} under the service"
SAY_NONE = "a deploy without a backup needs --no-backup"


@dataclass(frozen=True, slots=True)
class Source:
    """A PostgreSQL database and the container for its programs."""

    reached: Reached
    project: str
    service: str
    name: str
    """The name of the container or image, for a sentence."""
    container: str = ""
    """The ID of the server's own container; empty for a one-off from ``image``."""
    image: str = ""
    networks: tuple[str, ...] = ()
    """The one-off's networks, by their real names."""
    hosts: tuple[str, ...] = ()
    """The one-off's extra hosts, each ``NAME:ADDRESS``."""
    server: str = ""
    """The server's service; empty for a server outside of the project."""

    @property
    def database(self) -> str:
        """The database's name on its server."""
        return self.reached.named.url.database or self.reached.named.url.username or ""

    @property
    def at(self) -> str:
        """The server: its service, or host and port if it is outside of the project."""
        return self.server or f"{self.reached.named.host or 'localhost'}:{self.reached.named.port}"


def question(target: Target, engine: Engine, timeout: float) -> Question:
    """The inputs for finding the database of a target's service: from its image, or else from the host."""
    seen = collect.running(target, engine)
    held = seen.places[PlaceName.IMAGE]
    known = held if isinstance(held, MigrationSet) else collect.host(target).migrations
    image_env = seen.image_config.env if seen.image_config else {}
    return database_query.question(
        target, known, host_home(seen), seen.home, lambda: engine, image_env, database_query.Ask(timeout=timeout)
    )


def find(asked: Question, engine: Engine) -> Source:
    """Find the database and the container that can dump it. Nothing is started for that.

    Raises MigopsError if it is not PostgreSQL, or if its server is not a container of the project and no
    ``backup-image`` is set; ``Unavailable`` if the database is unknown or its container does not run.
    """
    address = find_url(asked)
    if isinstance(address, Unknown):
        raise Unavailable(address.reason, hint=address.hint)
    kind = address.text.strip().partition(":")[0].partition("+")[0].lower()
    if kind not in ("postgresql", "postgres"):
        raise MigopsError(
            f"the database ({address.origin}) is {_KINDS.get(kind, 'of another kind')}; "
            "migops backs up PostgreSQL only",
            hint=f"back it up with its own tools; {SAY_NONE}",
        )
    reached = reach(asked, address)
    if isinstance(reached, (Absent, Unknown)):
        hint = reached.hint.replace(INSTEAD, _INSTEAD) if isinstance(reached, Unknown) else ""
        raise Unavailable(reached.reason, hint=hint)
    if asked.project is None or asked.service is None:
        raise MigopsError("a backup needs a compose file: a container of the project takes it")
    project, service = asked.project, asked.service
    server = service_of(reached.named.host, project)
    if image := asked.settings.get("backup-image", ""):
        engine.image(image)
        networks = () if service.raw.get("network_mode") else _networks(asked)
        hosts = tuple(_host(each) for each in service.raw.get("extra_hosts") or ())
        return Source(reached, project.name, service.name, image, "", image, networks, hosts, server)
    if not server:
        raise MigopsError(
            f"{reached.named.host or 'its server'} is not a service of this project, so no container here has the "
            f"programs for {reached.named.shown}", at=service.location,
            hint="under the service, set an image with pg_dump of the server's version: "
            f"x-migops: {{backup-image: postgres:15}}; {SAY_NONE}",
        )  # fmt: skip
    container, name = _running(engine, project.name, server, asked.compose)
    return Source(reached, project.name, service.name, name, container, server=server)


def _networks(asked: Question) -> tuple[str, ...]:
    project, service = asked.project, asked.service
    keys = service.networks if service else ()
    return tuple(project.networks[key].name for key in keys if project and key in project.networks)


def _host(entry: object) -> str:
    """Convert compose's ``NAME=ADDRESS`` to the engine's ``NAME:ADDRESS``."""
    return str(entry).replace("=", ":", 1)


def _running(engine: Engine, project: str, service: str, compose: Sequence[str]) -> tuple[str, str]:
    """The ID and the name of the running container of a service."""
    listed = running(engine, project, service)
    if len(listed) != 1:
        raise Unavailable(
            f"{len(listed) or 'no'} containers of the service {service} are running; exactly one must be, the "
            "database's server",
            hint="" if listed else f"start it: {shlex.join((*compose, 'up', '-d', '--no-deps', service))}",
        )
    return str(listed[0]["Id"]), name_of(listed[0])


@contextmanager
def tools(engine: Engine, source: Source) -> Iterator[Tools]:
    """The programs, ready to run. A one-off container for them is removed afterwards."""
    named = source.reached.named
    who = ourselves()
    application = f"{dump_commands.APPLICATION} {who.pid}@{who.host}"[:63]
    if source.container:
        variables = dump_commands.variables(named, "127.0.0.1", named.port, application)
        yield Tools(engine, source.container, source.name, variables, named.redact)
        return
    _sweep(engine)
    variables = dump_commands.variables(named, named.host, named.port, application)
    name = f"migops-backup-{secrets.token_hex(6)}"
    try:
        making.create_container(engine, name, one_off(source, {ONE_OFF: json.dumps(who.record())}))
        for network in source.networks[1:]:
            making.join(engine, network, name)
        making.start(engine, name)
        yield Tools(engine, name, f"{name} (of {source.image})", variables, named.redact)
    finally:
        execs.remove(engine, name)


def one_off(source: Source, labels: Mapping[str, str]) -> dict[str, Any]:
    """The Engine API's body of a waiting one-off container with the programs."""
    first = source.networks[:1]
    return {
        "Image": source.image,
        "Entrypoint": ["sleep"],
        "Cmd": [str(_LONGEST)],
        "Labels": dict(labels),
        "HostConfig": {
            "Init": True,
            "LogConfig": {"Type": "none"},
            "ExtraHosts": list(source.hosts),
            **({"NetworkMode": first[0]} if first else {}),
        },
    }


def _sweep(engine: Engine) -> None:
    """Remove the one-off containers of killed runs."""
    for entry in making.containers(engine, ONE_OFF):
        with suppress(ValueError):
            if not known(json.loads(entry["Labels"][ONE_OFF])).is_alive:
                execs.remove(engine, str(entry["Id"]))
