"""MIG212 and MIG805 to MIG807: containers that do not stay up, a server on other data, a mount that one lacks."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import Action, PlaceName, Remedy, Severity, Subject, Unknown
from migops.core.text import counted, listed
from migops.rules.application import startups_of
from migops.rules.compose_file import servers_of
from migops.rules.rule import Match, Rule, Undetermined

if TYPE_CHECKING:
    from migops.compose import Service
    from migops.sources.stopped import Stopped

_TAGS = {
    "postgres": re.compile(r"(9\.\d|\d\d)(?:\D.*)?"),
    "postgis": re.compile(r"(9\.\d|\d\d)-.*"),
    **dict.fromkeys(("pgvector", "timescaledb", "timescaledb-ha"), re.compile(r"(?:.*-)?pg(\d{1,2})(?:\D.*)?")),
}
"""The tags with PostgreSQL's major version, by the image's name: ``16``, ``15.3-alpine``, ``15-3.4``, ``pg16``, and
``9.6`` (before 10, two numbers are the major version)."""


def container_not_up(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A container of the service restarts again and again, or has ended with an error.

    What: the application is down, or comes up and dies. A container that restarts runs its start each time, with the
    migrations in it.

    Why: its start fails: a migration, a missing file, a database that is not there. The finding has the exit code and
    the last error in the log. 126 is a file that may not be executed, 127 one that was not found, 137 with "out of
    memory" a container that was killed for its size.

    Fix: read the whole log, and remove the cause. The other findings often name it. `docker compose up -d SERVICE` then
    creates the container again.
    """
    yield from _unread(evidence)
    for each in _down(evidence):
        if each.is_server or (each.state == "exited" and each.was_stopped):
            continue
        yield _not_up(evidence, each, Severity.ERROR if each.state == "restarting" else None)


def server_stopped(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """The database server of the service has exited, or restarts again and again.

    What: nothing can connect. Migrations and applications fail with "Connection refused" or "could not translate host
    name": a container that does not run has no name in the network.

    Why: the last FATAL line of its log says it: "database files are incompatible with server" (see MIG806), "No space
    left on device", a missing POSTGRES_PASSWORD with an empty data folder. An exit code of 0 means that somebody
    stopped it.

    Alembic says: "Connection refused" or 'could not translate host name "…"'.

    Fix: remove the cause, and start it: `docker compose up -d --no-deps SERVER`. Never remove its volume: that is the
    data.
    """
    yield from _unread(evidence)
    serving = _someone_serves(evidence)
    for each in _down(evidence):
        if each.is_server and each.service in _used(evidence) and (serving or not each.was_stopped):
            yield _not_up(evidence, each, Severity.WARNING if each.was_stopped else None)


def data_of_another_version(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """PostgreSQL's data folder was initialized by another major version than the one of its image.

    What: the server stops at once with "database files are incompatible with server". If the container still runs the
    old image, that happens as soon as it is recreated.

    Why: the tag in the compose file was raised (`postgres:15` to `postgres:16`), or is `latest`. A new major version
    does not read the files of an older one.

    Alembic says: "Connection refused" or 'could not translate host name "…"'; the server's log: "database files are
    incompatible with server".

    Fix: go back to the version of the data. To move to the new one, take a dump with the old one running, give the new
    one an empty volume of another name, and restore. The old volume stays until the new one is proved.

    With migops: `migops backup SERVICE`, then `migops restore FILE SERVICE` with `--foreign`.

    Seen in: docker-library/postgres#626
    """
    yield from _unread(evidence)
    for server in _used(evidence).values():
        mine = [each for each in _stopped(evidence) if each.service == server.name and each.data_version]
        wanted = _version_of(server)
        for each in mine:
            # A container that is up runs on its data; only the next one could be of another version.
            image = wanted or (each.image_version if each.is_down else "")
            if image and image != each.data_version:
                yield _other_version(evidence, server, each, image)
                break


def mount_missing(evidence: Evidence) -> Iterator[Match]:
    """One of two services with the same image shows the host's migrations through a bind mount, the other does not.

    What: they run different code as soon as a file is edited: a `migrate` service without the mount applies the image's
    migrations, while the application runs the host's models; a worker goes on with the old ones until the next build.

    It is a warning if the one without the mount migrates when it starts, else a remark.

    Why: the mount was added for development under one service, and the other was forgotten.

    Fix: the same `volumes` under both (an anchor or `extends` keeps them alike), or under none.
    """
    project = evidence.setup.project if evidence.setup else None
    host = evidence.chain.held(PlaceName.HOST)
    if project is None or host is None:
        return
    started = {each.service for each in startups_of(evidence)} | {evidence.commands.service}
    services = [service for name, service in project.services.items() if name in started]
    mounts = {service.name: _of_code(service, host.script_location) for service in services}
    having = [service for service in services if mounts[service.name]]
    lacking = [each for each in services if not mounts[each.name] and not each.raw.get("volumes_from")]
    if having and lacking:
        first, names = having[0], listed([service.name for service in lacking])
        source, target = mounts[first.name][0]
        yield Match(
            Subject(path=str(lacking[0].location)),
            f"{names} {'has' if len(lacking) == 1 else 'have'} the image's migrations, and "
            f"{listed([each.name for each in having])} the host's",
            f"{first.name} ({first.location}) mounts {source} at {target}, and {names} of the same image does not",
            None,
            {"services": [each.name for each in lacking], "mounted_by": [each.name for each in having],
             "source": source, "target": target},
            (Remedy(f"give {names} the same volumes as {first.name}, or remove the mount from {first.name}",
                    at=lacking[0].location),),
            None if _migrates(evidence, lacking) else Severity.INFO,
        )  # fmt: skip


RULES = (
    Rule("MIG212", "container-not-up", Severity.WARNING, (), container_not_up, lint=True),
    Rule("MIG805", "server-stopped", Severity.ERROR, (), server_stopped, lint=True),
    Rule("MIG806", "data-of-another-version", Severity.ERROR, (), data_of_another_version, lint=True),
    Rule("MIG807", "mount-missing", Severity.WARNING, (), mount_missing, lint=True),
)


def _of_code(service: Service, script_location: str) -> list[tuple[str, str]]:
    """The service's bind mounts of the folder with the migrations, or of one above it: source and target."""
    return [
        (mount.source, mount.target)
        for mount in service.volumes
        if mount.type == "bind" and PurePath(script_location).is_relative_to(mount.source)
    ]


def _migrates(evidence: Evidence, lacking: Sequence[Service]) -> bool:
    """True if one of the services runs Alembic's upgrade when it starts."""
    names = {service.name for service in lacking}
    return any(each.service in names and each.upgrades for each in startups_of(evidence))


def _stopped(evidence: Evidence) -> tuple[Stopped, ...]:
    return () if isinstance(evidence.stopped, Unknown) else evidence.stopped


def _down(evidence: Evidence) -> Iterator[Stopped]:
    return (each for each in _stopped(evidence) if each.is_down)


def _unread(evidence: Evidence) -> Iterator[Undetermined]:
    if isinstance(evidence.stopped, Unknown):
        yield Undetermined(evidence.stopped.reason)


def _used(evidence: Evidence) -> dict[str, Service]:
    """The database servers that the service uses, by name; also one that the project builds, if it depends on it."""
    project = evidence.setup.project if evidence.setup else None
    service = project.services.get(evidence.commands.service) if project else None
    known = {server.name: server for server in servers_of(evidence)}
    built = {each.service for each in _stopped(evidence) if each.is_server} & set(service.depends_on if service else ())
    return known | {name: project.services[name] for name in built if project and name in project.services}


def _someone_serves(evidence: Evidence) -> bool:
    """True if a container of the service runs: then the project was not stopped as a whole."""
    down = {each.name for each in _down(evidence)}
    return any(each.running and each.name not in down for each in evidence.containers)


def _not_up(evidence: Evidence, container: Stopped, severity: Severity | None) -> Match:
    code = f" with exit code {container.code}" if container.code is not None else ""
    if container.state == "created":
        happens = f"could not be started{code}"
    elif container.state in ("restarting", "running"):
        times = counted(container.restarts, "time")
        ended = f"; it last ended{code}" if code else ""
        happens = f"restarts again and again ({times} so far{ended})"
    else:
        happens = f"has ended{code}"
    return Match(
        Subject(path=container.service),
        f"{container.name} {happens}" + (", out of memory" if container.out_of_memory else ""),
        _cause(container),
        None,
        {
            "container": container.name, "service": container.service, "state": container.state,
            "exit_code": container.code, "restarts": container.restarts, "error": container.error,
        },
        _fix(evidence, container),
        severity,
    )  # fmt: skip


def _cause(container: Stopped) -> str:
    if container.error:
        return f"the last error in its log: {container.error}" if container.state != "created" else container.error
    if container.unread:
        return f"its log could not be read: {container.unread}"
    if container.was_stopped:
        return "its log has no fatal error, so somebody stopped it"
    return "its log names no error"


def _fix(evidence: Evidence, container: Stopped) -> tuple[Remedy, ...]:
    compose, service = evidence.commands.compose, container.service
    if container.is_server and container.was_stopped and not container.error:
        return (Remedy("start it", evidence.commands.up(service=service), action=Action.START),)
    look = Remedy("read the end of its log", (*compose, "logs", "--tail", "50", service))
    if container.is_server and container.data_version and container.data_version != container.image_version:
        return (look, Remedy("its data is of another version: see MIG806"))
    return (look, Remedy("remove the cause, then create the container again", evidence.commands.up(service=service)))


def _version_of(server: Service) -> str:
    """PostgreSQL's major version by the tag of an image that is known to have it there; '' for any other image."""
    name, _, tag = (server.image or "").partition("@")[0].rpartition(":")
    pattern = None if server.build else _TAGS.get(posixpath.basename(name))
    match = pattern.fullmatch(tag) if pattern else None
    return match[1] if match else ""


def _other_version(evidence: Evidence, server: Service, container: Stopped, image: str) -> Match:
    ours = container.data_version
    now = "" if container.is_down else f"; {container.name} still runs the old image, until it is recreated"
    return Match(
        Subject(path=str(server.location)),
        f"the data of {server.name} is of PostgreSQL {ours}, and its image is PostgreSQL {image}",
        f"{server.location} has {server.image}, and the data folder was initialized by version {ours}{now}",
        None,
        {"service": server.name, "data_version": ours, "image_version": image, "container": container.name},
        (
            Remedy(
                f"in the compose file, give {server.name} an image of PostgreSQL {ours} (now: {server.image})",
                at=server.location,
            ),
            Remedy("start it on its data again", evidence.commands.up(service=server.name), action=Action.START),
            Remedy(
                f"to move to PostgreSQL {image}: with {ours} running take a backup, give {server.name} a new volume of "
                "another name, and restore the backup there (it is then another server's: --foreign)",
                alternative=True,
            ),
        ),
    )
