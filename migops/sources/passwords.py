"""All places that contain one password: changing only some of them locks the application out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from migops.core.errors import MigopsError
from migops.core.model import Location

if TYPE_CHECKING:
    from migops.compose import Project, Service
    from migops.migrations.config import ConfigFile

_IN_URL = re.compile(r"://[^\s:/@]*:([^\s@/]+)@")
_OF_DATABASE = re.compile(
    r"(?:.*_)?(?:PG|DB|DATABASE|\w*SQL|POSTGRES|MARIADB|SQLALCHEMY|ALEMBIC)_?(?:\w+_)?(?:PASSWORD|PASSWD|PASS|PWD|PW)"
    r"|PASSWORD|PASSWD|PASS|PWD|PGPASS",
    re.IGNORECASE,
)
"""Names of variables with a database password. Others (``DB_NAME``, ``ADMIN_PASSWORD``) may have the same value."""
_SERVER = re.compile(r"(postgres|postgis|timescale|pgvector|mysql|mariadb)[^/]*$", re.IGNORECASE)
_HOST_IN_URL = re.compile(r"@([\w.-]+)")
_REFERENCE = re.compile(r"\$(?:\{(\w+)|(\w+))")


@dataclass(frozen=True, slots=True)
class Written:
    """One place that contains the password."""

    at: Location
    what: str  # the setting (``DATABASE_URL of app``)
    variable: str = ""  # the variable of an env file or the shell that contains it; '' if the file itself does
    in_url: bool = False
    services: tuple[str, ...] = ()  # the services that get it from here; () for Alembic's configuration


def passwords(project: Project, config: ConfigFile | None) -> dict[tuple[str, str], tuple[Written, ...]]:
    """All places of each password that a service receives, by service and variable."""
    return {
        (service.name, name): places(project, value, config, service.name)
        for service in project.services.values()
        for name, value in service.environment.items()
        if value and name.endswith("_PASSWORD")
    }


def places(project: Project, password: str, config: ConfigFile | None, server: str = "") -> tuple[Written, ...]:
    """The places of the password: every service's environment, the files of its variables, Alembic's configuration.

    A place that several settings use is listed once. Of another database ``server`` of the project, the same password
    is another one: it stays.
    """
    others = _other_servers(project, server)
    by_location: dict[Location, Written] = {}
    for service in (*project.services.values(), *project.inactive.values()):
        for name, value in service.environment.items():
            is_it = value == password and _OF_DATABASE.fullmatch(name) is not None
            if value and (is_it or _has(value, password)) and not _is_of(others, service, name, value):
                for place in _sources(project, service, name, password):
                    known = by_location.get(place.at, place)
                    services = tuple(dict.fromkeys((*known.services, service.name)))
                    by_location[place.at] = replace(known, services=services)
    for option in config.options.values() if config else ():
        if isinstance(option.value, str) and _has(option.value.replace("%%", "%"), password):
            by_location.setdefault(option.at, Written(option.at, option.name, in_url=True))
    return tuple(by_location.values())


def _other_servers(project: Project, server: str) -> frozenset[str]:
    """The database servers of the project except ``server``; () if that is none itself."""
    servers = [name for name, service in project.services.items() if _SERVER.search(service.image or "")]
    return frozenset(servers) - {server} if server in servers else frozenset()


def _is_of(others: frozenset[str], service: Service, name: str, value: str) -> bool:
    """True if a variable has the password of another server: its own, or one beside that server's host."""
    hosts = set(_HOST_IN_URL.findall(value))
    prefix = re.sub(r"_?(PASSWORD|PASSWD|PASS|PWD|PW)$", "", name, flags=re.IGNORECASE)
    hosts |= {service.environment.get(f"{prefix}{word}") or "" for word in ("_HOST", "_HOSTNAME", "_SERVER", "HOST")}
    return service.name in others or not others.isdisjoint(hosts)


def _has(text: str, password: str) -> bool:
    """True if a URL in the text contains this password."""
    return any(unquote(each) == password for each in _IN_URL.findall(text))


def _sources(project: Project, service: Service, name: str, password: str) -> Iterator[Written]:
    """The sources of the password in a service's variable: the line of an env file, the shell, or its own line."""
    from migops.compose.explain import explain

    try:
        origins = explain(project.tree, f"services.{service.name}.environment.{name}")
    except MigopsError:
        origins = []
    at = origins[0].location if origins else service.location
    what = f"{name} of {service.name}"
    in_url = service.environment.get(name) != password
    given = False
    for reference, value in _holders(project, at, password):
        if value:
            given = True
            yield Written(
                _line_of(project, reference) or Location("the environment of this shell"), what, reference,
                value != password,
            )  # fmt: skip
    if not given:
        in_compose_file = at.file.endswith((".yml", ".yaml")) or at.file in project.files
        yield Written(at, what, "" if in_compose_file else name, in_url)


def _holders(project: Project, at: Location, password: str) -> list[tuple[str, str]]:
    """The variables of a line that hold the password. Of several on one line, those that are named so."""
    values = [(name, project.environment.get(name) or "") for name in _references(at)]
    held = [(name, value) for name, value in values if value == password or _has(value, password)]
    named = [(name, value) for name, value in held if value != password or _OF_DATABASE.fullmatch(name)]
    return named or held[:1]


def _references(at: Location) -> list[str]:
    """The variables that a line of a compose file refers to."""
    if not at.line:
        return []
    try:
        lines = Path(at.file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    line = lines[at.line - 1] if at.line <= len(lines) else ""
    return [one or other for one, other in _REFERENCE.findall(line)]


def _line_of(project: Project, variable: str) -> Location | None:
    """The line of the env file that sets a variable's effective value; None if the shell sets it."""
    from migops.compose.dotenv import read_into

    location = None
    for file in project.env_files:
        values: dict[str, str] = {}
        try:
            marks = read_into(values, file, lambda _: None, lambda _: None)
        except MigopsError:
            continue
        if variable in marks and values.get(variable) == project.environment.get(variable):
            location = marks[variable].location
    return location
