"""What Alembic's process is told beyond what the service sets, for drivers that read libpq's variables."""

from __future__ import annotations

from migops.commands.alembic.guards.locks import Hold
from migops.docker.containers import inspect
from migops.sources.database_url import Variables


def environment(hold: Hold, application: str, *, limited: bool) -> dict[str, str]:
    """What libpq's drivers are told: the session's name, and when to give up on a lock; added to what is set there.

    Not ``limited`` is a migration with CREATE INDEX CONCURRENTLY: it has to wait for old transactions, and leaves an
    invalid index where it is cut off. There the watch alone decides, which can tell this wait from others.
    """
    run = hold.context.run
    found = {"PGAPPNAME": application}
    elsewhere = run.run_options.url or run.target.settings.get(
        "database-url"
    )  # past a pooler, say, which refuses options
    if limited and run.run_options.lock_timeout and not elsewhere:
        ours = f"-c lock_timeout={run.run_options.lock_timeout * 1000:.0f}"
        found["PGOPTIONS"] = f"{set_there(hold, 'PGOPTIONS')} {ours}".strip()
    return found


def set_there(hold: Hold, variable: str) -> str:
    """A variable as the service has it where Alembic runs; '' where it has none."""
    context = hold.context
    target = context.run.target
    if context.where.container is not None:
        inspected = inspect(context.run.engine, context.where.container.id) or {}
        pairs = (each.partition("=") for each in (inspected.get("Config") or {}).get("Env") or ())
        return next((value for name, _, value in pairs if name == variable), "")
    if target.model is None:
        return ""
    service = target.model.services[target.service]
    return Variables(target.model, service, context.survey.image_env).values().get(variable, "")
