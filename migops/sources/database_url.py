"""The URL of a service's database, from the user's options, the compose file, or Alembic's configuration."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from migops.core.errors import MigopsError
from migops.core.model import Location, Unknown
from migops.core.text import with_hint
from migops.migrations.config import ConfigFile
from migops.migrations.env_url import defaults

if TYPE_CHECKING:
    from migops.compose import Project, Service

URL = re.compile(r"(postgres(ql)?|mysql|mariadb|sqlite|mssql|oracle|cockroachdb)(\+\w+)?://", re.IGNORECASE)
TEMPLATE = "driver://user:pass@localhost/dbname"  # the placeholder that `alembic init` writes
SAY_WHICH = "say which: --database-url URL, or x-migops: {database-env: NAME} under the service"
_LOOPBACK = re.compile(r"[/@](localhost|127\.0\.0\.1|\[::1\])[:/]")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ALSO = {
    "POSTGRES_HOST": ("POSTGRES_SERVER", "POSTGRES_HOSTNAME"),
    "DB_USER": ("DB_USERNAME",),
    "DB_PASSWORD": ("DB_PASS", "DB_PASSWD"),
    "DB_NAME": ("DB_DATABASE",),
    "POSTGRESQL_USER": ("POSTGRESQL_USERNAME",),
    "POSTGRESQL_PORT": ("POSTGRESQL_PORT_NUMBER",),
    "POSTGRESQL_HOST": ("POSTGRESQL_SERVER",),
    "POSTGRESQL_DB": ("POSTGRESQL_DATABASE",),
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


def from_settings(variables: Variables, settings: Mapping[str, str]) -> Sought | Unknown | None:
    """The URL from ``x-migops``; None if it says none."""
    service = variables.service
    if settings["database-url"]:
        return Sought(settings["database-url"], f"x-migops database-url, {service.location}", at=service.location)
    values = variables.values()
    if named := settings["database-env"]:
        if why := not_known(service, named):
            return why
        if named not in values:
            raise MigopsError(
                f"x-migops of service {service.name!r} names the variable {named}, which its environment does not set",
                at=service.location,
                hint=with_hint(named, values, "set it under environment or env_file, or fix database-env"),
            )  # fmt: skip
        return of_variable(variables, values, named)
    return None


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
    if text == TEMPLATE:
        return placeholder(option.at)
    if not text:
        return None
    # A localhost in the committed file is meant for running Alembic on the host.
    inside = place != "host" and not _LOOPBACK.search(text)
    return Sought(text, f"sqlalchemy.url, {option.at} ({place})", inside, option.at)


def not_known(service: Service, name: str) -> Unknown | None:
    """The reason why a variable's value is unknown: an env file that cannot be read might set it. Else None."""
    reason = service.unread.reason(name)
    return Unknown(reason, service.unread.fix(str(Path.cwd()))) if reason else None


def placeholder(at: Location) -> Unknown:
    """The URL that ``alembic init`` writes: the real one is set elsewhere, or not yet."""
    return Unknown(f"{at}: the URL is the placeholder that `alembic init` writes", SAY_WHICH)


def within(sought: Sought, variables: Variables) -> Sought:
    """The URL of the configuration as the service's containers take it.

    A localhost there is meant for this machine only if no service of the project runs a server: in a container it is
    the container itself.
    """
    has_server = next(servers(variables.project, variables.service), "") != ""
    if has_server and is_own_network(variables.service) and _LOOPBACK.search(sought.text):
        return replace(sought, inside=True)
    return sought


def is_own_network(service: Service) -> bool:
    """True if localhost in the service's containers is the container itself."""
    mode = str(service.raw.get("network_mode") or "")
    return mode != "host" and not mode.startswith(("service:", "container:"))


def of_variable(variables: Variables, values: Mapping[str, str], name: str) -> Sought:
    return Sought(values[name].strip(), variables.origin(name), at=variables.location(name))


def own_container(service: Service, values: Mapping[str, str], env_py: str, like: str = "") -> str:
    """The reason why env.py would look for the database in the service's own container; '' if it would not.

    That is a fallback on localhost for a variable (``like`` this one, or any) that the service does not set.
    """
    if service.raw.get("network_mode") == "host":
        return ""
    wanted = (like, *ALSO.get(like, ())) if like else ()
    for name, literal, line in defaults(env_py):
        if literal in LOOPBACK and name not in values and (not wanted or name in wanted):
            return (
                f"env.py:{line} takes {name} from the environment, else {literal}, and the service {service.name} "
                f"({service.location}) does not set it: {literal} is its own container, where no database listens"
            )
    return ""


def without_host(variables: Variables, reason: str, like: str, server: str) -> Unknown:
    """The URL is unknown for ``reason``, of ``own_container``, with the edit that names the server (if there is one).

    ``like`` is the variable's usual name; env.py may take another one.
    """
    variable = re.match(r"\S+ takes (\w+) from", reason)
    name = variable[1] if variable else like
    if not server:
        return Unknown(reason, f"set {name} there")
    service = variables.service
    edit = f"under the service {service.name}, add to its environment: {name}: {server}"
    return Unknown(reason, f"set it there: {name}: {server}", edit=edit, at=service.location)


def servers(project: Project, service: Service, dialect: str = "") -> Iterator[str]:
    """The services that run a server (of this dialect), the dependencies of ``service`` first."""
    words = _IMAGES.get(dialect, ()) if dialect else tuple(word for each in _IMAGES.values() for word in each)
    for name in dict.fromkeys((*service.depends_on, *project.services)):
        other = project.services.get(name)
        image = (other.image or "").rpartition("@")[0] or (other.image or "") if other else ""
        if any(word in image.rpartition("/")[2] for word in words):
            yield name
