"""MIG8: the database and the order of startup in the compose file."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import Remedy, Severity, Subject
from migops.core.text import listed
from migops.rules.application import startups_of, unread_startups
from migops.rules.database_remedies import backup
from migops.rules.rule import Match, Rule, Undetermined

if TYPE_CHECKING:
    from migops.compose import Project, Service
    from migops.compose.model import Mount
    from migops.entrypoint.startup import Startup

HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of database server: its images, its data folder, and the variables of its passwords."""

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


def no_readiness(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A service starts before a service it needs is ready.

    What: at the first start, or after a reboot, the migration or the application finds a server that does not listen
    yet ("Connection refused"), or a schema that another container is still migrating. A `sleep` only hides it.

    Why: `depends_on` without a condition waits only until the container has started.

    Alembic says: "Connection refused" or "the database system is starting up".

    Fix: a healthcheck for the server and `condition: service_healthy`; for a service that migrates and exits,
    `condition: service_completed_successfully`. A service whose own startup command waits (wait-for-it, a loop around
    pg_isready, a retry in Python) is not reported, and one whose start could not be read is not judged.

    With migops: `migops doctor --fix` writes both (the healthcheck for PostgreSQL only). `migops alembic upgrade head`
    and `migops rebuild-and-migrate` wait for the database themselves.

    Seen in: DataJunction/dj#203
    """
    project = evidence.setup.project if evidence.setup else None
    if project is None:
        return
    started = {each.service: each for each in startups_of(evidence)}
    for server, kind in _servers(evidence, project):
        unordered = [
            name
            for name in _ours(evidence, started)
            if name != server.name
            and _asks(evidence, project, name, server)
            and not waits(project, name, server.name, HEALTHY)
            and not _follows(project, server.name, name)
        ]
        hasty = [name for name in unordered if name in started and _is_hasty(started[name], server, project)]
        if hasty:
            yield _hasty(project, hasty, server, kind)
        yield from _not_judged(evidence, [name for name in unordered if name not in hasty], started, server)
    for one_shot in (each for each in started.values() if each.one_shot and each.upgrades and not each.unread):
        others = [name for name, start in started.items() if name != one_shot.service and not start.one_shot]
        unordered = [
            name
            for name in others
            if not waits(project, name, one_shot.service, COMPLETED) and not _follows(project, one_shot.service, name)
        ]
        ahead = [name for name in unordered if not started[name].unread]
        if ahead:
            yield _ahead(project, ahead, one_shot)
        for name in unordered:
            if started[name].unread:
                reason = started[name].unread[0]
                yield Undetermined(f"{name}: {reason}, so it is not known whether it waits for {one_shot.service}")


def default_password(evidence: Evidence) -> Iterator[Match]:
    """The database password is a well-known default.

    What: everybody who can reach the server can read the data. The value is not printed here.

    Why: it was copied from an example, or a variable with such a default was never set.

    Fix: change it in every file that the finding names, and on the server, in one go: an application with the old
    password cannot connect. The server reads its variable only when it initializes an empty data folder, so a server
    that already has data also needs `ALTER ROLE` or psql's password command.
    """
    from migops.rules.password import change, stands  # only doctor asks

    setup = evidence.setup
    for server, kind in _servers(evidence, setup.project if setup else None):
        user = server.environment.get("POSTGRES_USER") or server.environment.get("MYSQL_USER") or ""
        for name in kind.passwords:
            value = (server.environment.get(name) or "").lower()
            same = next(
                (what for what, other in (("user", user), ("service", server.name)) if value == other.lower()), ""
            )
            if setup and value and (value in _GUESSED or same):
                places = setup.passwords.get((server.name, name), ())
                yield Match(
                    Subject(path=str(places[0].at if places else server.location)),
                    f"{name} of service {server.name} is "
                    + ("a well-known default password" if value in _GUESSED else f"the name of its {same}"),
                    stands(places) or f"set in the environment of {server.name} ({server.location})",
                    None,
                    {"service": server.name, "variable": name, "places": [str(each.at) for each in places]},
                    change(evidence.commands, server, name, places),
                )


def socket_only_pg_isready(evidence: Evidence) -> Iterator[Match]:
    """The healthcheck checks PostgreSQL on its Unix socket, which answers before the server is ready.

    What: while it initializes the data folder, the official image runs a server that listens only on its socket. The
    service is "healthy", services that depend on it start, and get "Connection refused" when that server stops again.

    Why: `pg_isready` without `-h` uses the socket.

    Alembic says: "Connection refused".

    Fix: `pg_isready -h 127.0.0.1`.

    With migops: `migops doctor --fix MIG803` shows the edit as a diff, and applies it after a yes.

    Seen in: docker-library/postgres#880
    """
    for server, kind in _servers(evidence, evidence.setup.project if evidence.setup else None):
        check = server.healthcheck
        found = _READY.search(" ".join(check.test)) if check and "postgres" in kind.images else None
        if check and found and not re.search(r"(?:^|\s)(-h|--host)", found[1]) and not _has_host(server):
            yield Match(
                Subject(path=str(check.location)),
                f"the healthcheck of {server.name} checks PostgreSQL only on its Unix socket",
                f"{check.location}: `{found[0].strip()}` has no -h; at the first start the socket answers too early",
                None,
                {"service": server.name},
                (Remedy("use pg_isready -h 127.0.0.1, and keep the other options", at=check.location),),
            )


def _has_host(server: Service) -> bool:
    return bool(server.environment.get("PGHOST")) or server.unread.might_set("PGHOST")


def database_without_volume(evidence: Evidence) -> Iterator[Match]:
    """The database's data folder is not in a named volume.

    What: the data is in an anonymous volume. `docker compose down` leaves it behind without a name, and the next `up`
    does not find it again; `down -v` deletes it.

    Why: the service mounts nothing there.

    Fix: mount a named volume at the data folder. Move the existing data first, with a dump and a restore.

    With migops: `migops backup SERVICE`, then, with the new volume, `migops restore FILE SERVICE` with `--foreign`,
    because the backup is of another volume.

    Seen in: mastodon/mastodon#1080
    """
    for server, kind in _servers(evidence, evidence.setup.project if evidence.setup else None):
        data = server.environment.get("PGDATA") or _data_folder(server, kind)
        targets = [mount.target for mount in _mounts(evidence, server) if not mount.is_anonymous]
        targets += [entry.partition(":")[0] for entry in server.tmpfs]  # deliberate
        if targets and server.unread.might_set("PGDATA"):
            continue
        folders = [folder for folder in (data, kind.data, *_ELSEWHERE) if folder]
        if any(_over(target, folder) for target in targets for folder in folders):
            continue
        if not data and any(not target.startswith(_NO_DATA) for target in targets):
            continue  # it may be the data folder of this image
        below = f" (below {data})" if data == kind.data else f" ({data})" if data else ""
        yield Match(
            Subject(path=str(server.location)),
            f"the data of {server.name} is not in a named volume",
            f"service {server.name} ({server.location}) mounts no named volume "
            + (f"at {data} or below" if data else "for its data"),
            None,
            {"service": server.name, "path": data},
            (
                backup(evidence, "take a backup before anything is recreated", server.name),
                Remedy(
                    f"mount a named volume at the data folder{below}, then restore with --foreign", at=server.location
                ),
            ),
        )


_ELSEWHERE = ("/var/lib/pgsql", "/bitnami", "/home/postgres")
"""Data folders of images other than the official ones."""
_NO_DATA = ("/docker-entrypoint-initdb.d", "/etc", "/run", "/tmp", "/backup", "/scripts", "/usr")  # noqa: S108
_OFFICIAL = re.compile(
    r"(docker\.io/)?(library/)?(postgres|mysql|mariadb)|(docker\.io/)?(postgis|timescale|pgvector|ankane)/\w+"
)


def _data_folder(server: Service, kind: Kind) -> str:
    """The data folder of the image; '' if it is not one whose folder is known."""
    name = (server.image or "").partition("@")[0]
    head, slash, last = name.rpartition("/")
    return kind.data if _OFFICIAL.fullmatch(f"{head}{slash}{last.partition(':')[0]}") else ""


def _mounts(evidence: Evidence, server: Service) -> Iterator[Mount]:
    """The mounts of a service, and those that it takes from others (``volumes_from``)."""
    yield from server.volumes
    project = evidence.setup.project if evidence.setup else None
    for entry in server.raw.get("volumes_from") or ():
        other = project.services.get(str(entry).partition(":")[0]) if project else None
        yield from other.volumes if other is not None else ()


RULES = (
    Rule("MIG801", "no-readiness", Severity.WARNING, (), no_readiness, lint=True),
    Rule("MIG802", "default-password", Severity.WARNING, (), default_password, lint=True),
    Rule("MIG803", "socket-only-pg_isready", Severity.WARNING, (), socket_only_pg_isready, lint=True),
    Rule("MIG804", "database-without-volume", Severity.WARNING, (), database_without_volume, lint=True),
)


def servers_of(evidence: Evidence) -> list[Service]:
    """The database servers of the checked service."""
    return [server for server, _ in _servers(evidence, evidence.setup.project if evidence.setup else None)]


def _servers(evidence: Evidence, project: Project | None) -> list[tuple[Service, Kind]]:
    """The database servers that our services depend on or that their URL names; otherwise the only one there is."""
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
    """The checked service, and the running services with the same code."""
    return [evidence.commands.service, *(name for name in started if name != evidence.commands.service)]


def waits(project: Project, name: str, needed: str, condition: str, depth: int = 0) -> bool:
    """True if the service starts only after the other one is ready, directly or through its own dependencies."""
    service = project.services.get(name)
    if service is None or depth > len(project.services):
        return False
    return any(
        (each.service == needed and each.condition == condition)
        or (each.service != needed and waits(project, each.service, needed, condition, depth + 1))
        for each in service.depends_on.values()
    )


def _asks(evidence: Evidence, project: Project, name: str, server: Service) -> bool:
    """True if the service connects to the server, as far as the compose file tells; the checked one does."""
    service = project.services.get(name)
    if service is None or name == evidence.commands.service:
        return True
    values = (value for value in service.environment.values() if value)
    return server.name in service.depends_on or any(_names(value, server.name) for value in values)


def _is_hasty(startup: Startup, server: Service, project: Project) -> bool:
    """True if the start was read and does not wait for the server by itself."""
    return not startup.unread and not startup.unfound and not _waits_itself(startup, server, project)


def _waits_itself(startup: Startup, server: Service, project: Project) -> bool:
    """True if a command of the start waits for the server: one that names no other service may."""
    others = [name for name in project.services if name != server.name]
    return any(_names(text, server.name) or not any(_names(text, other) for other in others) for text in startup.waits)


def _names(text: str, service: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(service)}(?![\w.-])", text) is not None


def _not_judged(
    evidence: Evidence, names: list[str], started: dict[str, Startup], server: Service
) -> Iterator[Undetermined]:
    """The services whose start was not read, so that it may wait for the server by itself."""
    project = evidence.setup.project if evidence.setup else None
    for name in names:
        startup = started.get(name)
        if startup is not None and project is not None and _waits_itself(startup, server, project):
            continue
        reasons = (*startup.unread, *startup.unfound) if startup else tuple(unread_startups(evidence))
        reason = reasons[0] if reasons else "its start was not read"
        yield Undetermined(f"{name}: {reason}, so it is not known whether it waits for {server.name}")


def _follows(project: Project, name: str, other: str, seen: frozenset[str] = frozenset()) -> bool:
    """True if a service starts after the other one, on any condition: then the other cannot wait for it."""
    service = project.services.get(name)
    if service is None or name in seen:
        return False
    return any(
        each.service == other or _follows(project, each.service, other, seen | {name})
        for each in service.depends_on.values()
    )


def _hasty(project: Project, names: list[str], server: Service, kind: Kind) -> Match:
    has_check = server.healthcheck is not None and not server.healthcheck.disabled
    check = () if has_check else (Remedy(f"give {server.name} a healthcheck: {kind.healthcheck}", at=server.location),)
    waits = f"under {listed(names)}: depends_on: {{{server.name}: {{condition: {HEALTHY}}}}}"
    at = project.services[names[0]].location
    return Match(
        Subject(path=str(at)),
        f"{listed(names)} {'starts' if len(names) == 1 else 'start'} before {server.name} is ready",
        f"{at} does not wait until {server.name} is healthy"
        + ("" if has_check else f", and {server.name} has no healthcheck"),
        None,
        {"services": names, "server": server.name, "healthcheck": has_check},
        (*check, Remedy(waits, at=at)),
    )


def _ahead(project: Project, names: list[str], one_shot: Startup) -> Match:
    at, service = project.services[names[0]].location, project.services[one_shot.service]
    restarted = service.restart not in ("", "no") and not service.restart.startswith("on-failure")
    # A service that is always restarted never counts as completed: others would wait for it forever.
    ends = (
        (Remedy(f'under {service.name}: restart: "no" (now: {service.restart})', at=service.location),)
        if restarted
        else ()
    )
    return Match(
        Subject(path=str(at)),
        f"{listed(names)} {'starts' if len(names) == 1 else 'start'} while {one_shot.service} may still migrate",
        f"{at} does not wait until {one_shot.service}, which migrates and exits, has completed",
        None,
        {"services": names, "one_shot": one_shot.service},
        (
            *ends,
            Remedy(f"under {listed(names)}: depends_on: {{{one_shot.service}: {{condition: {COMPLETED}}}}}", at=at),
        ),
    )


def _over(target: str, folder: str) -> bool:
    """True if a mount at ``target`` covers the folder, or a part of it."""
    return f"{folder}/".startswith(f"{target.rstrip('/')}/") or f"{target}/".startswith(f"{folder}/")
