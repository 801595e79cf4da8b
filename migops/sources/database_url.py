"""The URL of a service's database, from the user's options, the compose file, or Alembic's configuration."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from migops.core.errors import MigopsError
from migops.core.model import Location, Unknown
from migops.migrations.config import ConfigFile
from migops.migrations.env_url import defaults

if TYPE_CHECKING:
    from migops.compose import Project, Service

URL = re.compile(r"(postgres(ql)?|mysql|mariadb|sqlite|mssql|oracle|cockroachdb)(\+\w+)?://", re.IGNORECASE)
_USUAL = (
    "DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_URL", "DB_URL", "DATABASE_URI",
)  # fmt: skip
TEMPLATE = "driver://user:pass@localhost/dbname"  # the placeholder that `alembic init` writes
_LOOPBACK = re.compile(r"[/@](localhost|127\.0\.0\.1|\[::1\])[:/]")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PIECES = (
    ("postgresql", ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE")),
    ("postgresql", ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB")),
    ("mysql", ("MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_HOST", "MYSQL_PORT", "MYSQL_DATABASE")),
    ("postgresql", ("DB_USER", "DB_PASSWORD", "DB_HOST", "DB_PORT", "DB_NAME")),
)
"""Variables for user, password, host, port and name, by dialect; DB_* is most often PostgreSQL."""
_ALSO = {
    "POSTGRES_HOST": ("POSTGRES_SERVER", "POSTGRES_HOSTNAME"),
    "DB_USER": ("DB_USERNAME",),
    "DB_PASSWORD": ("DB_PASS",),
    "DB_NAME": ("DB_DATABASE",),
}
_IMAGES = {"postgresql": ("postgres", "postgis", "timescaledb", "pgvector"), "mysql": ("mysql", "mariadb")}


@dataclass(frozen=True, slots=True)
class Sought:
    """A database URL as written."""

    text: str = field(repr=False)
    origin: str  # its source, in words
    inside: bool = True  # its host is a name inside the container
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Variables:
    """The environment of a service's containers: the compose file's variables over the image's ENV.

    A variable ``NAME_FILE`` with the path of a secret sets ``NAME`` to the text of the secret's file.
    """

    project: Project
    service: Service
    image: Mapping[str, str] = field(default_factory=dict, repr=False)

    def values(self) -> dict[str, str]:
        """Every variable that has a value, as far as it is known: see ``Service.unread``."""
        unread = self.service.unread
        image = {name: value for name, value in self.image.items() if not unread.might_set(name)}
        values = {name: value for name, value in {**image, **self.service.environment}.items() if value}
        for name, value in tuple(values.items()):
            if name.endswith("_FILE") and (path := self._secrets().get(value)):
                values.setdefault(name.removesuffix("_FILE"), _text(path))
        return {name: value for name, value in values.items() if value}

    def location(self, name: str) -> Location:
        """The location of a variable; the service's own if the compose file has no more precise one."""
        from migops.compose.explain import explain  # seldom needed, while this module is always imported

        for written in (name, f"{name}_FILE"):
            try:
                origins = explain(self.project.tree, f"services.{self.service.name}.environment.{written}")
            except MigopsError:
                continue
            return origins[0].location if origins else self.service.location
        return self.service.location

    def origin(self, name: str) -> str:
        """The variable and its source, in words."""
        ours = name in self.service.environment or f"{name}_FILE" in self.service.environment
        return f"{name}, {self.location(name)}" if ours else f"{name}, ENV of the image"

    def _secrets(self) -> dict[str, Path]:
        """The host's file of each secret of the service, by its path in the container."""
        declared = self.project.resolved.get("secrets") or {}
        files = {}
        for mount in self.service.secrets:
            file = (declared.get(mount.source) or {}).get("file")
            if file:
                files[posixpath.join("/run/secrets", mount.target or mount.source)] = Path(file)
        return files


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise MigopsError(f"cannot read the secret: {error.strerror}", at=Location(str(path))) from None


_READS_ENVIRONMENT = re.compile(r"environ|getenv|settings|decouple|dotenv", re.IGNORECASE)


def from_service(variables: Variables, settings: Mapping[str, str], env_py: str) -> Sought | Unknown | None:
    """The URL from the compose file: from ``x-migops``, else from the service's environment.

    ``env_py`` is the text of Alembic's env.py: of several variables with a URL, the one that it names is used. None if
    no variable looks like a URL.
    """
    service = variables.service
    if settings["database-url"]:
        return Sought(settings["database-url"], f"x-migops database-url, {service.location}", at=service.location)
    values = variables.values()
    if named := settings["database-env"]:
        if reason := service.unread.reason(named):
            return Unknown(reason, service.unread.fix(str(Path.cwd())))
        if named not in values:
            raise MigopsError(
                f"x-migops of service {service.name!r} names the variable {named}, which its environment does not set",
                at=service.location, hint="set it under environment or env_file, or fix database-env",
            )  # fmt: skip
        return _variable(variables, values, named)
    urls = [name for name, value in values.items() if URL.match(value.strip())]
    chosen = _choose(urls, values, env_py)
    if isinstance(chosen, Unknown):
        return chosen
    found = _variable(variables, values, chosen) if chosen else _from_pieces(variables, values, env_py)
    if found is None and service.unread and _READS_ENVIRONMENT.search(env_py):
        return Unknown(f"the database's URL: {service.unread.reason()}", service.unread.fix(str(Path.cwd())))
    return found


def from_config(config: ConfigFile, place: str) -> Sought | Unknown | None:
    """``sqlalchemy.url`` of an alembic.ini, or the reason why it cannot be read; None if it is not set."""
    option = config.options.get("sqlalchemy.url")
    if option is None:
        return None
    if option.error:
        return Unknown(
            f"{option.at} ({place}): sqlalchemy.url {option.error}",
            "in an ini file, write %% for %: %%40 for an @ in a password",
        )
    text = str(option.value or "")
    if not text or text == TEMPLATE:
        return None
    # A localhost in the committed file is meant for running Alembic on the host.
    inside = place != "host" and not _LOOPBACK.search(text)
    return Sought(text, f"sqlalchemy.url, {option.at} ({place})", inside, option.at)


def _variable(variables: Variables, values: Mapping[str, str], name: str) -> Sought:
    return Sought(values[name].strip(), variables.origin(name), at=variables.location(name))


def _choose(urls: Sequence[str], values: Mapping[str, str], env_py: str) -> str | Unknown | None:
    """Of the variables with a URL, the one that Alembic uses."""
    named = [name for name in urls if re.search(rf"\b{re.escape(name)}\b", env_py)]
    usual = [name for name in _USUAL if name in urls]
    for names in (named, usual, urls):
        if len({values[name] for name in names}) == 1 or (names is usual and names):
            return names[0]
    if not urls:
        return None
    return Unknown(
        f"several variables of the service contain a database URL: {', '.join(urls)}",
        "set the one that Alembic uses: x-migops: {database-env: NAME} under the service",
    )


def _from_pieces(variables: Variables, values: Mapping[str, str], env_py: str) -> Sought | Unknown | None:
    """The URL built from POSTGRES_USER, POSTGRES_PASSWORD, … if the service has these."""
    for dialect, names in _PIECES:
        variable_of = {
            name: next((alias for alias in (name, *_ALSO.get(name, ())) if alias in values), "") for name in names
        }
        user, password, host, port, database = (values.get(variable_of[name], "") for name in names)
        if any(variable_of.values()) and (reason := _unsettled(variables.service, names, variable_of)):
            return Unknown(reason, variables.service.unread.fix(str(Path.cwd())))
        server = next(_servers(variables.project, variables.service, dialect), "")
        if user and database and not host and (fallback := own_container(variables.service, values, env_py, names[2])):
            return Unknown(fallback, f"set it there: {names[2]}: {server}" if server else f"set {names[2]} there")
        host = host or server
        if not (user and database and host):
            continue
        secret = f":{quote(password, safe='')}" if password else ""
        where = f":{port}" if port else ""
        text = f"{dialect}://{quote(user, safe='')}{secret}@{host}{where}/{quote(database, safe='')}"
        others = "".join(f"{name}, " for name in list(variable_of.values())[1:] if name)
        user_variable = variable_of[names[0]]
        return Sought(text, f"{others}{variables.origin(user_variable)}", at=variables.location(user_variable))
    return None


def _unsettled(service: Service, names: Sequence[str], variable_of: Mapping[str, str]) -> str:
    """The reason why one of these variables, which has no value, is unknown; '' if none is."""
    return next((reason for name in names if not variable_of[name] and (reason := service.unread.reason(name))), "")


def own_container(service: Service, values: Mapping[str, str], env_py: str, like: str = "") -> str:
    """The reason why env.py would look for the database in the service's own container; '' if it would not.

    That is a fallback on localhost for a variable (``like`` this one, or any) that the service does not set.
    """
    if service.raw.get("network_mode") == "host":
        return ""
    wanted = (like, *_ALSO.get(like, ())) if like else ()
    for name, literal, line in defaults(env_py):
        if literal in LOOPBACK and name not in values and (not wanted or name in wanted):
            return (
                f"env.py:{line} takes {name} from the environment, else {literal}, and the service {service.name} "
                f"({service.location}) does not set it: {literal} is its own container, where no database listens"
            )
    return ""


def _servers(project: Project, service: Service, dialect: str) -> Iterator[str]:
    """The services that run a server of this dialect, the dependencies of ``service`` first."""
    for name in dict.fromkeys((*service.depends_on, *project.services)):
        other = project.services.get(name)
        image = (other.image or "").rpartition("@")[0] or (other.image or "") if other else ""
        if any(word in image.rpartition("/")[2] for word in _IMAGES.get(dialect, ())):
            yield name
