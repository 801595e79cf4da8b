"""The application's settings and the database URL do not fit what reads them."""

from __future__ import annotations

import re

from migops.commands.failures.causes import driver_of, invalid_settings, missing_settings, unset_variable, url_of
from migops.commands.failures.failure import Changes, Failure, Step

_SETTINGS = Step(
    "see which variables the service sets, and where",
    ("migops", "config", "--explain", "services.{service}.environment"),
)

SETTING: tuple[Failure, ...] = (
    Failure(
        "settings-missing",
        re.compile(
            r"validation errors? for \w[^\n]{0,80}\n(?=[\s\S]{0,4000}?\n +(?:Field required|field required|none "
            r"is not an allowed"
            r" value))"
        ),
        "the application's settings class (pydantic) requires settings that have no value where Alembic runs",
        cause=missing_settings,
        fix=(
            Step("set them in the service's environment or env_file, or give them a default in the settings class"),
            _SETTINGS,
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "settings-refused",
        re.compile(r"validation errors? for \w{0,80}(?:[Ss]etting|[Cc]onfig|[Ee]nv)\w{0,80}\n"),
        "the application's settings class (pydantic) does not accept a setting's value, or a variable that it does not "
        "know",
        cause=invalid_settings,
        fix=(
            Step(
                'correct the value; for a variable that the class does not know ("Extra inputs"), set '
                'extra="ignore" in '
                "its model_config"
            ),
            _SETTINGS,
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "unset-variable",
        re.compile(
            r"(?:File \"<frozen os>\"|/os\.py\")[\s\S]*KeyError: '(?P<variable>\w{1,80})'|"
            r"UndefinedValueError: (?P<variable2>\w{1,80}) not found|[Ee]nvironment variable "
            r"\"?(?P<variable3>\w{1,80})\"? not set|"
            r"Set the (?P<variable4>\w{1,80}) environment variable|Config '(?P<variable5>\w{1,80})' is missing"
        ),
        "env.py, or a module it imports, needs an environment variable that the service does not set",
        cause=unset_variable,
        fix=(_SETTINGS,),
        in_frames=True,
        changes=Changes.SERVICE,
    ),
    Failure(
        "async-driver-in-sync-code",
        re.compile(r"MissingGreenlet|greenlet_spawn has not been called"),
        "the URL names an async driver, and env.py connects with it as if it were a sync one",
        cause=driver_of,
        fix=(
            Step(
                "in env.py, connect as Alembic's template for async does: async_engine_from_config, then "
                "await connection.run_sync(do_run_migrations); or give env.py a URL with a sync driver "
                "(postgresql+psycopg://)"
            ),
        ),
    ),
    Failure(
        "sync-driver-in-async-code",
        re.compile(r"The asyncio extension requires an async driver|The loaded '(?P<driver>\w{1,40})' is not async"),
        "env.py connects with an async engine, and the URL names a sync driver (or none, which means a sync one)",
        cause=driver_of,
        fix=(
            Step("in the URL, write the async driver: postgresql+asyncpg://, mysql+aiomysql://, sqlite+aiosqlite://"),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "event-loop-runs-already",
        re.compile(r"asyncio\.run\(\) cannot be called from a running event loop|This event loop is already running"),
        "env.py calls asyncio.run, and Alembic was started inside a running event loop: from the application's startup",
        fix=(
            Step(
                "start Alembic as a program of its own, before the application; or in the application: "
                'await asyncio.to_thread(command.upgrade, config, "head")'
            ),
        ),
    ),
    Failure(
        "postgres-scheme",
        re.compile(r"Can't load plugin: sqlalchemy\.dialects:postgres(?:\.\w{1,40})?(?!\w)"),
        "the URL begins with postgres://, which SQLAlchemy has not known since 1.4: it must be postgresql://",
        cause=url_of,
        fix=(
            Step(
                "in the URL, write postgresql:// instead of postgres://; if the URL is given to you, in env.py: "
                'url.replace("postgres://", "postgresql://", 1)'
            ),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "unknown-driver",
        re.compile(r"Can't load plugin: sqlalchemy\.dialects:(?P<driver>\w{1,40}\.\w{1,40})"),
        "the URL names a driver that SQLAlchemy does not know: it is misspelt, needs a newer SQLAlchemy (psycopg: "
        "2.0), "
        "or a package that is not installed",
        cause=url_of,
        fix=(
            Step(
                "in the URL, write a driver that SQLAlchemy has: postgresql+psycopg, postgresql+psycopg2, "
                "postgresql+asyncpg, mysql+pymysql, mysql+aiomysql, sqlite+aiosqlite"
            ),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "unusable-url",
        re.compile(
            r"Could not parse SQLAlchemy URL|Can't load plugin: sqlalchemy\.dialects|KeyError: 'url'|"
            r"Expected string or URL object"
        ),
        "there is no usable database URL: it is missing, or not of the form driver://user:password@host:port/name",
        fix=(
            Step(
                "see where the service's settings come from",
                ("migops", "config", "--explain", "services.{service}.environment"),
            ),
        ),
        changes=Changes.SERVICE,
    ),
)
