"""MIG8: what the compose file says of the database, and of who waits for whom."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import Remedy, Severity, Subject
from migops.core.text import listed
from migops.rules.application import startups_of
from migops.rules.database_remedies import backup
from migops.rules.password import change, stands
from migops.rules.rule import Match, Rule

if TYPE_CHECKING:
    from migops.compose import Project, Service
    from migops.entrypoint.startup import Startup

HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of database server: its data folder, and the variables that its passwords are in."""

    images: tuple[str, ...]
    data: str
    passwords: tuple[str, ...]
    healthcheck: str


_KINDS = (
    Kind(("postgres", "postgis", "timescaledb", "pgvector"), "/var/lib/postgresql", ("POSTGRES_PASSWORD",),
         'test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", USER, "-d", DATABASE]'),
    Kind(("mysql", "mariadb"), "/var/lib/mysql",
         ("MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD", "MARIADB_ROOT_PASSWORD", "MARIADB_PASSWORD"),
         'test: ["CMD", "healthcheck.sh", "--connect", "--innodb_initialized"] (MariaDB)'),
)  # fmt: skip
_GUESSED = frozenset(
    (
        *(
            "password",
            "passwd",
            "pass",
            "postgres",
            "mysql",
            "mariadb",
            "root",
            "admin",
            "administrator",
            "secret",
            "test",
        ),
        *(
            "changeme",
            "change-me",
            "changethis",
            "example",
            "default",
            "user",
            "db",
            "dev",
            "123456",
            "12345678",
            "1234",
        ),
    )
)
_READY = re.compile(r"pg_isready\b([^|&;]*)")


def no_readiness(evidence: Evidence) -> Iterator[Match]:
    """A service starts before what it needs is ready.

    What: at the first start, or after the machine's, the migration or the application meets a server that does not
    listen yet ("Connection refused"), or a schema that another container is still migrating. A `sleep` hides it.

    Why: `depends_on` without a condition waits only until the container exists.

    Fix: a healthcheck for the server and `condition: service_healthy`; for a service that migrates and ends,
    `condition: service_completed_successfully`. A service whose own start waits (wait-for-it, pg_isready) is none.
    """
    project = evidence.setup.project if evidence.setup else None
    if project is None:
        return
    started = {each.service: each for each in startups_of(evidence)}
    for server, kind in _servers(evidence, project):
        hasty = [
            name
            for name in _ours(evidence, started)
            if name != server.name
            and not (name in started and started[name].waits)
            and not _waits(project, name, server.name, HEALTHY)
            and not _follows(project, server.name, name)
        ]
        if hasty:
            yield _hasty(project, hasty, server, kind)
    for one_shot in (each for each in started.values() if each.one_shot and each.upgrades and not each.unread):
        others = [name for name, start in started.items() if name != one_shot.service and not start.one_shot]
        ahead = [
            name
            for name in others
            if not _waits(project, name, one_shot.service, COMPLETED) and not _follows(project, one_shot.service, name)
        ]
        if ahead:
            yield _ahead(project, ahead, one_shot)


def default_password(evidence: Evidence) -> Iterator[Match]:
    """The database's password is a well-known default.

    What: whoever reaches the server has the data. The value is not shown here.

    Why: it was copied from an example, or a variable with such a default was never set.

    Fix: change it in every place that the finding names, and on the server, in one go: an application that still has
    the old password cannot connect. The server's variable counts only while its data folder is first made, so a server
    that has data needs `ALTER ROLE`, or psql's password command, as well.
    """
    setup = evidence.setup
    for server, kind in _servers(evidence, setup.project if setup else None):
        user = server.environment.get("POSTGRES_USER") or server.environment.get("MYSQL_USER") or ""
        for name in kind.passwords:
            value = (server.environment.get(name) or "").lower()
            if setup and value and (value in _GUESSED or value in (user.lower(), server.name.lower())):
                places = setup.passwords.get((server.name, name), ())
                yield Match(
                    Subject(path=str(places[0].at if places else server.location)),
                    f"{name} of service {server.name} is a well-known default password",
                    stands(places) or f"the environment of {server.name} ({server.location}) has it",
                    None,
                    {"service": server.name, "variable": name, "places": [str(each.at) for each in places]},
                    change(evidence.commands, server, name, places),
                )


def socket_only_pg_isready(evidence: Evidence) -> Iterator[Match]:
    """The healthcheck asks PostgreSQL on its socket, where it answers before it is ready.

    What: while the data folder is first made, the official image runs a server that listens on its socket alone. The
    service is "healthy", what depends on it starts, and meets "Connection refused" when that server is stopped again.

    Why: `pg_isready` without `-h` asks the socket.

    Fix: `pg_isready -h 127.0.0.1`.
    """
    for server, kind in _servers(evidence, evidence.setup.project if evidence.setup else None):
        check = server.healthcheck
        found = _READY.search(" ".join(check.test)) if check and "postgres" in kind.images else None
        if check and found and not re.search(r"(?:^|\s)(-h|--host)", found[1]) and not server.environment.get("PGHOST"):
            yield Match(
                Subject(path=str(check.location)),
                f"the healthcheck of {server.name} asks PostgreSQL on its socket only",
                f"{check.location}: `{found[0].strip()}` has no -h, and at the first start the socket answers early",
                None,
                {"service": server.name},
                (Remedy("write pg_isready -h 127.0.0.1, with the options that it has"),),
            )


def database_without_volume(evidence: Evidence) -> Iterator[Match]:
    """The database's data folder is in no volume that has a name.

    What: the data is in an anonymous volume, which `docker compose down` leaves behind without a name and the next `up`
    does not find again; `down -v` deletes it.

    Why: the service mounts nothing there.

    Fix: a named volume over the data folder. Move what is there first: `migops backup`, then restore
    with `--foreign`, as the backup is of another volume.
    """
    for server, kind in _servers(evidence, evidence.setup.project if evidence.setup else None):
        data = server.environment.get("PGDATA") or kind.data
        targets = [mount.target for mount in server.volumes if not mount.is_anonymous]
        targets += [entry.partition(":")[0] for entry in server.tmpfs]  # said on purpose
        if not any(_over(target, folder) for target in targets for folder in (data, kind.data)):
            yield Match(
                Subject(path=str(server.location)),
                f"the data of {server.name} is in no volume that has a name",
                f"service {server.name} ({server.location}) mounts nothing at {data} or below",
                None,
                {"service": server.name, "path": data},
                (
                    backup(evidence, "save what is there, before anything is recreated", server.name),
                    Remedy(f"mount a named volume at the data folder (below {kind.data}); restore with --foreign"),
                ),
            )


RULES = (
    Rule("MIG801", "no-readiness", Severity.WARNING, (), no_readiness, lint=True),
    Rule("MIG802", "default-password", Severity.WARNING, (), default_password, lint=True),
    Rule("MIG803", "socket-only-pg_isready", Severity.WARNING, (), socket_only_pg_isready, lint=True),
    Rule("MIG804", "database-without-volume", Severity.WARNING, (), database_without_volume, lint=True),
)


def _servers(evidence: Evidence, project: Project | None) -> list[tuple[Service, Kind]]:
    """The database servers that our services depend on or that their URL names; else the only one there is."""
    if project is None:
        return []
    known = {
        service.name: (service, kind)
        for service in project.services.values()
        for kind in _KINDS
        if any(word in posixpath.basename((service.image or "").partition("@")[0]) for word in kind.images)
    }
    ours = [project.services[name] for name in _ours(evidence, {}) if name in project.services]
    url = evidence.setup.url.text if evidence.setup and evidence.setup.url else ""
    host = re.search(r"[@/]([\w.-]+)(?::\d+)?/", url.partition("://")[2])
    named = {name for service in ours for name in service.depends_on} | ({host[1]} if host else set())
    used = [found for name, found in known.items() if name in named]
    return used or (list(known.values()) if len(known) == 1 else [])


def _ours(evidence: Evidence, started: dict[str, Startup]) -> list[str]:
    """The service that is looked at, and those that run the same code and stay."""
    return [evidence.commands.service, *(name for name in started if name != evidence.commands.service)]


def _waits(project: Project, name: str, needed: str, condition: str, depth: int = 0) -> bool:
    """Whether the service starts only after the other one is ready, itself or through what it waits for."""
    service = project.services.get(name)
    if service is None or depth > len(project.services):
        return False
    return any(
        (each.service == needed and each.condition == condition)
        or (each.service != needed and _waits(project, each.service, needed, condition, depth + 1))
        for each in service.depends_on.values()
    )


def _follows(project: Project, name: str, other: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a service starts after the other one, for whatever condition: then the other cannot wait for it."""
    service = project.services.get(name)
    if service is None or name in seen:
        return False
    return any(
        each.service == other or _follows(project, each.service, other, seen | {name})
        for each in service.depends_on.values()
    )


def _hasty(project: Project, names: list[str], server: Service, kind: Kind) -> Match:
    has_check = server.healthcheck is not None and not server.healthcheck.disabled
    check = () if has_check else (Remedy(f"give {server.name} a healthcheck: {kind.healthcheck}"),)
    waits = f"under {listed(names)}: depends_on: {{{server.name}: {{condition: {HEALTHY}}}}}"
    at = project.services[names[0]].location
    return Match(
        Subject(path=str(at)),
        f"{listed(names)} {'starts' if len(names) == 1 else 'start'} before {server.name} is ready",
        f"{at}: nothing waits until {server.name} is healthy" + ("" if has_check else ", and it has no healthcheck"),
        None,
        {"services": names, "server": server.name, "healthcheck": has_check},
        (*check, Remedy(waits)),
    )


def _ahead(project: Project, names: list[str], one_shot: Startup) -> Match:
    at, service = project.services[names[0]].location, project.services[one_shot.service]
    restarted = service.restart not in ("", "no") and not service.restart.startswith("on-failure")
    # One that is started again whenever it ends never counts as completed: who waits for that waits for ever.
    ends = (Remedy(f'under {service.name}: restart: "no" (now: {service.restart})'),) if restarted else ()
    return Match(
        Subject(path=str(at)),
        f"{listed(names)} {'starts' if len(names) == 1 else 'start'} while {one_shot.service} may still migrate",
        f"{at}: {one_shot.service} migrates and ends, and nothing waits until it has completed",
        None,
        {"services": names, "one_shot": one_shot.service},
        (*ends, Remedy(f"under {listed(names)}: depends_on: {{{one_shot.service}: {{condition: {COMPLETED}}}}}")),
    )


def _over(target: str, folder: str) -> bool:
    """Whether a mount at ``target`` holds the folder, or a part of it."""
    return f"{folder}/".startswith(f"{target.rstrip('/')}/") or f"{target}/".startswith(f"{folder}/")
