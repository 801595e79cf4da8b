"""The environment variable from which env.py can read the database URL in every service that may run Alembic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.errors import MigopsError
from migops.core.text import listed
from migops.database.url import DatabaseUrl, parse_url
from migops.sources.database_url import URL

if TYPE_CHECKING:
    from migops.compose import Service

_USUAL = ("DATABASE_URL", "SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "DB_URL")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the service that has the URL."""

    name: str
    value: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """Dialect and driver: ``postgresql+asyncpg``."""
        return self.value.partition("://")[0]


def variable_of(evidence: Evidence, old: str = "") -> Variable | str:
    """The variable, or the reason why none can be named. ``old``: the URL of the ini file, which it should match."""
    services = list(services_of(evidence))
    if not services:
        return "without a compose project it is not known in which environment Alembic runs"
    own = services[0]
    urls = [
        Variable(name, value.strip()) for name, value in own.environment.items()
        if value and URL.match(value) and "\n" not in value.strip() and not name.endswith("_FILE")
    ]  # fmt: skip
    if not urls:
        return f"no variable of the service {own.name} has a database URL for env.py to read"
    fitting = [each for each in urls if not old or not same_database(old, each)]
    if old and not fitting:
        return same_database(old, urls[0])
    if not old and len({each.value for each in fitting}) > 1:
        return f"{listed([each.name for each in fitting])} have different database URLs"
    best = min(fitting, key=lambda each: (each.value != old, _rank(each.name)))
    missing = [each.name for each in services if (each.environment.get(best.name) or "").strip() != best.value]
    if missing:
        return f"{listed(missing)} may run Alembic with the same image, and {best.name} is not the same there"
    return best


def same_database(old: str, variable: Variable) -> str:
    """The reason why the ini file's URL does not name the variable's database in the same way; '' if it does."""
    other = f"the ini file's URL and {variable.name} name different databases"
    try:
        one, two = parse_url(old, ours=False), parse_url(variable.value, ours=False)
    except MigopsError:
        return f"the ini file's URL or {variable.name} is not a URL that SQLAlchemy can read"
    if _key(one) != _key(two):
        return f"{other} ({one.shown} and {two.shown}), so which one is meant is your choice"
    if one.url.password != two.url.password:
        return f"the ini file's URL and {variable.name} have different passwords, so one of them is out of date"
    return ""


def lacking(evidence: Evidence, variables: Sequence[str]) -> str:
    """The service that has none of the variables, in words; '' if every service that may run Alembic has one."""
    for service in services_of(evidence):
        if not any(service.environment.get(name) for name in variables):
            return f"the service {service.name} does not set {listed(variables)}"
    return "" if evidence.setup and evidence.setup.project else f"it is not known what sets {listed(variables)}"


def _key(url: DatabaseUrl) -> tuple[object, ...]:
    return url.dialect, url.host, url.port, url.url.database, url.url.username, sorted(url.url.query.items())


def services_of(evidence: Evidence) -> Iterator[Service]:
    """The service, and the others that have the same image or build: they may run Alembic as well."""
    project = evidence.setup.project if evidence.setup else None
    own = project.services.get(evidence.commands.service) if project else None
    if project is None or own is None:
        return
    yield own
    for other in (*project.services.values(), *project.inactive.values()):
        if other.name != own.name and (other.image_ref == own.image_ref or _same_build(other, own)):
            yield other


def _same_build(one: Service, other: Service) -> bool:
    keys = [(each.build.context, each.build.dockerfile) for each in (one, other) if each.build]
    return len(keys) == 2 and keys[0] == keys[1]


def _rank(name: str) -> tuple[int, str]:
    return (_USUAL.index(name) if name in _USUAL else len(_USUAL)), name
