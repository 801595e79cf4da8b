"""Which database the service means: its URL, from what the user says, the compose file, or Alembic's configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from migops.compose import Project, Service
from migops.compose.explain import explain
from migops.errors import MigopsError
from migops.history.config import ConfigFile
from migops.model import Location, Unknown

_URL = re.compile(r"(postgres(ql)?|mysql|mariadb|sqlite|mssql|oracle|cockroachdb)(\+\w+)?://", re.IGNORECASE)
_USUAL = (
    "DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_URL", "DB_URL", "DATABASE_URI",
)  # fmt: skip
_TEMPLATE = "driver://user:pass@localhost/dbname"  # what `alembic init` writes: nobody's URL
_LOOPBACK = re.compile(r"[/@](localhost|127\.0\.0\.1|\[::1\])[:/]")
_PIECES = (
    ("postgresql", ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE")),
    ("postgresql", ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB")),
    ("mysql", ("MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_HOST", "MYSQL_PORT", "MYSQL_DATABASE")),
    ("postgresql", ("DB_USER", "DB_PASSWORD", "DB_HOST", "DB_PORT", "DB_NAME")),
)
"""Variables for user, password, host, port and name, by the dialect that they stand for; DB_* most often is that."""
_ALSO = {
    "POSTGRES_HOST": ("POSTGRES_SERVER", "POSTGRES_HOSTNAME"),
    "DB_USER": ("DB_USERNAME",),
    "DB_PASSWORD": ("DB_PASS",),
    "DB_NAME": ("DB_DATABASE",),
}
_IMAGES = {"postgresql": ("postgres", "postgis", "timescaledb", "pgvector"), "mysql": ("mysql", "mariadb")}


@dataclass(frozen=True, slots=True)
class Sought:
    """A database's URL as it is written, and where. ``inside`` says that its host is named as the container sees it."""

    text: str = field(repr=False)
    origin: str
    inside: bool = True
    at: Location | None = None


def from_service(
    project: Project, service: Service, settings: Mapping[str, str], env_py: str
) -> Sought | Unknown | None:
    """The URL by the compose file: what ``x-migops`` says, else what the service's environment holds.

    ``env_py`` is the text of Alembic's environment: of several variables the one that it names is meant. None where
    nothing looks like a URL.
    """
    if settings["database-url"]:
        return Sought(settings["database-url"], f"x-migops database-url, {service.location}", at=service.location)
    values = {name: value for name, value in service.environment.items() if value}
    if named := settings["database-env"]:
        if named not in values:
            raise MigopsError(
                f"x-migops of service {service.name!r} names the variable {named}, which its environment does not set",
                at=service.location, hint="set it under environment or env_file, or mend database-env",
            )  # fmt: skip
        return _variable(project, service, named)
    urls = [name for name, value in values.items() if _URL.match(value.strip())]
    chosen = _choose(urls, values, env_py)
    if isinstance(chosen, Unknown):
        return chosen
    return _variable(project, service, chosen) if chosen else _from_pieces(project, service, values)


def from_config(config: ConfigFile, place: str) -> Sought | Unknown | None:
    """``sqlalchemy.url`` of an alembic.ini, or why it has none that can be read; None where it is not set."""
    option = config.options.get("sqlalchemy.url")
    if option is None:
        return None
    if option.error:
        return Unknown(
            f"{option.at} ({place}): sqlalchemy.url cannot be read, and Alembic dies on it: {option.error}",
            "a % in an ini file is written twice: %%40 for an @ in a password",
        )
    text = str(option.value or "")
    if not text or text == _TEMPLATE:
        return None
    # A localhost that everybody sees in the file is the one of those who run Alembic beside it.
    inside = place != "host" and not _LOOPBACK.search(text)
    return Sought(text, f"sqlalchemy.url, {option.at} ({place})", inside, option.at)


def _variable(project: Project, service: Service, name: str) -> Sought:
    at = _location(project, service, name)
    return Sought(str(service.environment[name]).strip(), f"{name}, {at}", at=at)


def _location(project: Project, service: Service, name: str) -> Location:
    """Where a variable is set; the service itself where only an env file's folder or the shell knows."""
    try:
        found = explain(project.tree, f"services.{service.name}.environment.{name}")
    except MigopsError:
        return service.location
    return found[0].location if found else service.location


def _choose(urls: Sequence[str], values: Mapping[str, str], env_py: str) -> str | Unknown | None:
    """Of the variables that hold a URL the one that Alembic goes by."""
    named = [name for name in urls if re.search(rf"\b{re.escape(name)}\b", env_py)]
    usual = [name for name in _USUAL if name in urls]
    for names in (named, usual, urls):
        if len({values[name] for name in names}) == 1 or (names is usual and names):
            return names[0]
    if not urls:
        return None
    return Unknown(
        f"several variables of the service hold a database's URL: {', '.join(urls)}",
        "say which one Alembic uses: x-migops: {database-env: NAME} under the service",
    )


def _from_pieces(project: Project, service: Service, values: Mapping[str, str]) -> Sought | None:
    """The URL put together from POSTGRES_USER, POSTGRES_PASSWORD, … where the service has these."""
    for dialect, names in _PIECES:
        found = {name: next((each for each in (name, *_ALSO.get(name, ())) if each in values), "") for name in names}
        user, password, host, port, database = (values.get(found[name], "") for name in names)
        host = host or next(_servers(project, service, dialect), "")
        if not (user and database and host):
            continue
        secret = f":{quote(password, safe='')}" if password else ""
        where = f":{port}" if port else ""
        text = f"{dialect}://{quote(user, safe='')}{secret}@{host}{where}/{quote(database, safe='')}"
        at = _location(project, service, found[names[0]])
        return Sought(text, f"{', '.join(name for name in found.values() if name)}, {at}", at=at)
    return None


def _servers(project: Project, service: Service, dialect: str) -> Iterator[str]:
    """The services that the service depends on, then all others, that run a server of this dialect."""
    for name in dict.fromkeys((*service.depends_on, *project.services)):
        other = project.services.get(name)
        image = (other.image or "").rpartition("@")[0] or (other.image or "") if other else ""
        if any(word in image.rpartition("/")[2] for word in _IMAGES.get(dialect, ())):
            yield name
