"""How the database's URL moves from alembic.ini to the environment, in an order in which Alembic always has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import MigrationFile, Remedy
from migops.core.text import listed
from migops.migrations.env_url import UrlSource, url_source

if TYPE_CHECKING:
    from migops.migrations.config import Option

_VARIABLE = "DATABASE_URL"


def take_out(evidence: Evidence, option: Option, env: MigrationFile | None) -> tuple[Remedy, ...]:
    """The option goes out of the ini, after env.py has been seen to have the URL from elsewhere, or was made to."""
    remove = Remedy(f"take {option.name} out of {option.at}")
    if env is None:
        return (Remedy("let env.py set the URL from the environment (the file was not read)"), remove)
    found = url_source(env.content.decode("utf-8", "replace"))
    if not found.set_at:
        return (*give(evidence, env, str(option.value)), remove)
    lacking = _lacking(evidence, found)
    at = f"env.py:{found.set_at}"
    if lacking:
        service = evidence.commands.service
        variable = Remedy(
            f"under {service}: environment: give it {listed(lacking)}, which {at} reads and it does not have"
        )
        return (variable, remove)
    source = f" from {listed(found.variables)}" if found.variables else ""
    return (Remedy(f"take {option.name} out of {option.at}: {at} sets the URL itself{source}"),)


def give(evidence: Evidence, env: MigrationFile, old: str = "") -> tuple[Remedy, ...]:
    """The lines by which env.py has the URL from the service's environment; ``old`` is the one that the ini has."""
    name, value = _url_variable(evidence)
    steps = []
    if not name:
        name, service = _VARIABLE, evidence.commands.service
        where = f"under {service}: environment:" if service else "in the environment that Alembic runs in:"
        steps.append(Remedy(f"{where} {name}: the database's URL"))
    drivers = value.partition("://")[0], old.partition("://")[0]
    swap = f'.replace("{drivers[0]}://", "{drivers[1]}://")' if all(drivers) and drivers[0] != drivers[1] else ""
    line = f'config.set_main_option("sqlalchemy.url", os.environ["{name}"]{swap}.replace("%", "%%"))'
    steps.append(Remedy(f"in {env.path}, after `config = context.config`: import os; {line}"))
    return tuple(steps)


def _lacking(evidence: Evidence, found: UrlSource) -> tuple[str, ...]:
    """The variables that env.py reads, where the service is known and has none of them."""
    setup = evidence.setup
    service = setup.project.services.get(evidence.commands.service) if setup and setup.project else None
    if service is None or not found.variables:
        return ()
    return () if any(service.environment.get(name) for name in found.variables) else found.variables


def _url_variable(evidence: Evidence) -> tuple[str, str]:
    """The variable of the service that has the database's URL, and the URL; ('', '') where none has."""
    from migops.sources.database_url import URL

    setup = evidence.setup
    service = setup.project.services.get(evidence.commands.service) if setup and setup.project else None
    meant = setup.url.text if setup and setup.url else ""
    urls = {
        name: value for name, value in (service.environment if service else {}).items() if value and URL.match(value)
    }
    named = [name for name, value in urls.items() if value.strip() == meant] or (list(urls) if len(urls) == 1 else [])
    return (named[0], urls[named[0]].strip()) if named else ("", "")
