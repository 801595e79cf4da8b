"""Steps to move the database URL from alembic.ini to the environment, so that Alembic always has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import Location, MigrationFile, Remedy
from migops.core.text import listed
from migops.migrations.env_url import UrlSource, url_source
from migops.rules.lines import of_service

if TYPE_CHECKING:
    from migops.migrations.config import Option

_VARIABLE = "DATABASE_URL"


def take_out(evidence: Evidence, option: Option, env: MigrationFile | None) -> tuple[Remedy, ...]:
    """Steps to delete the option, after env.py is known to get the URL from elsewhere, or was made to."""
    remove = Remedy(f"delete {option.name} from {option.at}", at=option.at)
    if env is None:
        return (Remedy("first make env.py read the URL from the environment (migops could not read the file)"), remove)
    source = url_source(env.content.decode("utf-8", "replace"))
    if not source.set_at:
        return (*give(evidence, env, str(option.value)), remove)
    lacking = _lacking(evidence, source)
    at = f"env.py:{source.set_at}"
    if lacking:
        service = evidence.commands.service
        variable = Remedy(
            f"under {service}: environment: set {listed(lacking)}, which {at} reads", at=of_service(evidence)
        )
        return (variable, remove)
    variables = f" from {listed(source.variables)}" if source.variables else ""
    return (Remedy(f"delete {option.name} from {option.at}: {at} sets the URL itself{variables}", at=option.at),)


def give(evidence: Evidence, env: MigrationFile, old: str = "") -> tuple[Remedy, ...]:
    """The lines that make env.py read the URL from the service's environment; ``old`` is the one in the ini file."""
    name, value = _url_variable(evidence)
    steps = []
    if not name:
        name, service = _VARIABLE, evidence.commands.service
        where = f"under {service}: environment:" if service else "in Alembic's environment:"
        steps.append(Remedy(f"{where} {name}: the database URL", at=of_service(evidence) if service else None))
    drivers = value.partition("://")[0], old.partition("://")[0]
    swap = f'.replace("{drivers[0]}://", "{drivers[1]}://")' if all(drivers) and drivers[0] != drivers[1] else ""
    line = f'config.set_main_option("sqlalchemy.url", os.environ["{name}"]{swap}.replace("%", "%%"))'
    steps.append(
        Remedy(
            f"make env.py read the URL from the environment: in {env.path}, after `config = context.config`: "
            f"import os; {line}",
            at=Location(env.path),
        )
    )
    return tuple(steps)


def _lacking(evidence: Evidence, source: UrlSource) -> tuple[str, ...]:
    """The variables that env.py reads, if the service is known and has none of them."""
    setup = evidence.setup
    service = setup.project.services.get(evidence.commands.service) if setup and setup.project else None
    if service is None or not source.variables:
        return ()
    has = any(service.environment.get(name) or service.unread.might_set(name) for name in source.variables)
    return () if has else source.variables


def _url_variable(evidence: Evidence) -> tuple[str, str]:
    """The service's variable with the database URL, and the URL; ('', '') if there is none."""
    from migops.sources.database_url import URL

    setup = evidence.setup
    service = setup.project.services.get(evidence.commands.service) if setup and setup.project else None
    meant = setup.url.text if setup and setup.url else ""
    urls = {
        name: value for name, value in (service.environment if service else {}).items() if value and URL.match(value)
    }
    named = [name for name, value in urls.items() if value.strip() == meant] or (list(urls) if len(urls) == 1 else [])
    return (named[0], urls[named[0]].strip()) if named else ("", "")
