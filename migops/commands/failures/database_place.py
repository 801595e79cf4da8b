"""The database of the service, by the compose file alone: its server, its user, its name. Nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from migops.commands.failures.inputs import FailureInputs
from migops.compose import Project, Service
from migops.core.errors import MigopsError
from migops.core.model import Unknown
from migops.database import DatabaseUrl, parse_url
from migops.sources.database_address import service_of
from migops.sources.database_names import from_named
from migops.sources.database_url import Variables, from_settings

_IMAGES = {
    "postgresql": ("postgres", "postgis", "timescaledb", "pgvector"), "mysql": ("mysql", "mariadb", "percona"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """The database that a service's URL names. ``origin`` is the variable and its line; '' for an unknown URL.

    ``server``: the service that it runs in; None if it is not one of the project.
    """

    dialect: str
    user: str
    name: str
    driver: str
    port: int
    origin: str
    server: Service | None = field(default=None, repr=False)
    path: str = ""
    """The file of an SQLite database, as the URL has it."""

    @property
    def admin(self) -> str:
        """The role that the server's image made at its first start; '' if the server is not in the project."""
        if self.server is None:
            return ""
        return str(self.server.environment.get("POSTGRES_USER") or "postgres")


def database_place(inputs: FailureInputs) -> DatabasePlace | None:
    """The database that the service's environment names, else that of the project's only server; None: unknown."""
    project = inputs.target.model
    if project is None or inputs.target.service not in project.services:
        return None
    service = project.services[inputs.target.service]
    try:
        variables = Variables(project, service)
        sought = from_settings(variables, inputs.target.settings) or from_named(variables, inputs.env_py)
        if sought is not None and not isinstance(sought, Unknown):
            driver = sought.text.partition("://")[0].partition("+")[2]
            return _of_url(project, parse_url(sought.text), driver, sought.origin)
    except MigopsError:
        return None
    return _of_server(project)


def _of_url(project: Project, url: DatabaseUrl, driver: str, origin: str) -> DatabasePlace:
    name = service_of(url.host, project)
    return DatabasePlace(
        url.dialect, url.url.username or "", url.url.database or "", driver, url.port, origin,
        project.services.get(name), (url.url.database or "") if url.dialect == "sqlite" else "",
    )  # fmt: skip


def _of_server(project: Project) -> DatabasePlace | None:
    """The database of the only PostgreSQL server, as its image makes it."""
    servers = [each for each in project.services.values() if is_server(each, "postgresql")]
    if len(servers) != 1:
        return None
    user = servers[0].environment.get("POSTGRES_USER") or "postgres"
    name = servers[0].environment.get("POSTGRES_DB") or user
    return DatabasePlace("postgresql", str(user), str(name), "", 5432, "", servers[0])


def is_server(service: Service, dialect: str) -> bool:
    """Whether the service's image is one of the dialect's servers, by its name."""
    image = (service.image or "").rpartition("@")[0] or (service.image or "")
    return any(word in image.rpartition("/")[2] for word in _IMAGES.get(dialect, ()))


def psql(inputs: FailureInputs, statement: str, *, admin: bool = False) -> tuple[str, ...] | None:
    """``psql`` with the statement in the server's own container, as the URL's user or as the server's administrator.

    None if the database is not PostgreSQL in a service of the project, or its user or name is not known.
    """
    place = database_place(inputs)
    compose = inputs.target.commands.compose
    if place is None or place.server is None or place.dialect != "postgresql" or not compose:
        return None
    user = place.admin if admin else place.user
    if not user or not place.name:
        return None
    port = ("-p", str(place.port)) if place.port not in (0, 5432) else ()
    whom = ("-U", user, "-d", place.name)
    return (*compose, "exec", "-T", place.server.name, "psql", *port, *whom, "-c", statement)
