"""Which database is backed up, and the container whose programs do it: the server's own, or a one-off."""

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
from migops.sources.database import Reached, find_url, reach
from migops.sources.database_address import INSTEAD, LABEL, is_one_off, service_of
from migops.sources.database_question import Question
from migops.state.process import known, ourselves
from migops.target import Target

_LONGEST = 24 * 3600  # seconds after which a one-off ends by itself, whatever became of us
ONE_OFF = "migops.commands.backup"
"""The label of the one-off containers that have the programs: which process made it."""
_KINDS = {"sqlite": "SQLite's", "mysql": "MySQL's", "mariadb": "MariaDB's"}
_INSTEAD = "name an address that is reached from here: x-migops: {database-url: URL} under the service"
SAY_NONE = "a deploy goes without a backup only where --no-backup says so"


@dataclass(frozen=True, slots=True)
class Source:
    """A PostgreSQL database and where its programs are run.

    ``container`` is the server's own (its ID); '' means a one-off from ``image``, on ``networks`` (real names), with
    ``hosts`` (``NAME:ADDRESS``). ``name`` is what a sentence calls it; ``server`` the server's own service, '' where
    it is elsewhere.
    """

    reached: Reached
    project: str
    service: str
    name: str
    container: str = ""
    image: str = ""
    networks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    server: str = ""

    @property
    def database(self) -> str:
        """The database's name on its server."""
        return self.reached.named.url.database or self.reached.named.url.username or ""

    @property
    def at(self) -> str:
        """Which of the project's servers it is: its service, or the host and port of one elsewhere."""
        return self.server or f"{self.reached.named.host or 'localhost'}:{self.reached.named.port}"


def question(target: Target, engine: Engine, timeout: float) -> Question:
    """Which database a target's service means, by what its image holds, or else the host."""
    seen = collect.running(target, engine)
    held = seen.places[PlaceName.IMAGE]
    known = held if isinstance(held, MigrationSet) else collect.host(target).migrations
    image_env = seen.image_config.env if seen.image_config else {}
    return database_query.question(
        target, known, host_home(seen), seen.home, lambda: engine, image_env, database_query.Ask(timeout=timeout)
    )


def find(asked: Question, engine: Engine) -> Source:
    """Find the database that the question means, and who can dump it. Nothing is started for it.

    Raises MigopsError where it is no PostgreSQL database, or one whose server is no container of the project and no
    ``backup-image`` is set; ``Unavailable`` where it cannot be told, or its container does not run.
    """
    sought = find_url(asked)
    if isinstance(sought, Unknown):
        raise Unavailable(sought.reason, hint=sought.hint)
    kind = sought.text.strip().partition(":")[0].partition("+")[0].lower()
    if kind not in ("postgresql", "postgres"):
        raise MigopsError(
            f"the database ({sought.origin}) is {_KINDS.get(kind, 'of another kind')}; PostgreSQL alone is backed up",
            hint=f"back it up with its own tools; {SAY_NONE}",
        )
    found = reach(asked, sought)
    if isinstance(found, (Absent, Unknown)):
        hint = found.hint.replace(INSTEAD, _INSTEAD) if isinstance(found, Unknown) else ""
        raise Unavailable(found.reason, hint=hint)
    if asked.project is None or asked.service is None:
        raise MigopsError("a backup needs a compose file: it is made in a container of the project")
    project, service = asked.project, asked.service
    server = service_of(found.named.host, project)
    if image := asked.settings.get("backup-image", ""):
        engine.image(image)
        networks = () if service.raw.get("network_mode") else _networks(asked)
        hosts = tuple(_host(each) for each in service.raw.get("extra_hosts") or ())
        return Source(found, project.name, service.name, image, "", image, networks, hosts, server)
    if not server:
        raise MigopsError(
            f"{found.named.host or 'its server'} is no service of this project, so nothing here has the programs of "
            f"{found.named.shown}'s server", at=service.location,
            hint="name an image that has them (pg_dump of the server's version) under the service: "
            f"x-migops: {{backup-image: postgres:15}}; {SAY_NONE}",
        )  # fmt: skip
    container, name = _running(engine, project.name, server, asked.compose)
    return Source(found, project.name, service.name, name, container, server=server)


def _networks(asked: Question) -> tuple[str, ...]:
    project, service = asked.project, asked.service
    keys = service.networks if service else ()
    return tuple(project.networks[key].name for key in keys if project and key in project.networks)


def _host(entry: object) -> str:
    """``NAME=ADDRESS`` as compose prints it, as the engine takes it."""
    return str(entry).replace("=", ":", 1)


def _running(engine: Engine, project: str, service: str, compose: Sequence[str]) -> tuple[str, str]:
    """The ID and the name of the running container of a service."""
    listed = engine.containers({f"{LABEL}project": project, f"{LABEL}service": service})
    running = [each for each in listed if each.get("State") == "running" and not is_one_off(each)]
    if len(running) != 1:
        raise Unavailable(
            f"{len(running) or 'no'} containers of the service {service} run; the database's server must be one",
            hint="" if running else f"start it: {shlex.join((*compose, 'up', '-d', '--no-deps', service))}",
        )
    return str(running[0]["Id"]), str((running[0].get("Names") or ["?"])[0]).lstrip("/")


@contextmanager
def tools(engine: Engine, source: Source) -> Iterator[Tools]:
    """The programs, ready to be run. A one-off container that was made for them is gone afterwards."""
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
    """What the engine is asked to make where the programs are in no container yet: one that only waits."""
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
    """Remove the one-off containers of runs that were killed."""
    for found in making.containers(engine, ONE_OFF):
        with suppress(ValueError):
            if not known(json.loads(found["Labels"][ONE_OFF])).is_alive:
                execs.remove(engine, str(found["Id"]))
