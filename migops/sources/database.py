"""The database source: the rows of Alembic's version table, and the other tables. Read-only."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Absent, Unknown
from migops.core.wait import until
from migops.database import DatabaseUrl, parse_url
from migops.sources.database_address import file_address, server_address
from migops.sources.database_names import from_named
from migops.sources.database_question import Question
from migops.sources.database_read import Reached as Reached
from migops.sources.database_read import read as read
from migops.sources.database_state import DatabaseState
from migops.sources.database_url import SAY_WHICH, Sought, Variables, from_config, from_settings, servers, within
from migops.sources.followed_table import table_of

PAUSE = 0.5  # seconds between two attempts
_NO_WAY = (
    "could not translate host name", "resolve host", "timeout expired", "No route to host", "unreachable",
)  # fmt: skip
"""Parts of a driver's messages for an address that is unreachable from here, but may be reachable in a container."""


def ask(asked: Question, wait: float = 0.0) -> DatabaseState | Absent | Unknown:
    """Ask the database, retrying for up to ``wait`` seconds until it answers."""
    sought = find_url(asked)
    if isinstance(sought, Unknown):
        return sought
    return until(
        lambda: read_database(asked, sought), lambda read: not isinstance(read, Unknown), seconds=wait, pause=PAUSE
    )


def find_url(asked: Question) -> Sought | Unknown:
    """The database URL: the user's option, the service's environment, Alembic's configuration, in this order."""
    if asked.url:
        return Sought(asked.url, "--database-url", inside=False)
    url: Sought | Unknown | None = None
    if asked.project is not None and asked.service is not None:
        variables = Variables(asked.project, asked.service, asked.image_env)
        url = from_settings(variables, asked.settings) or _followed(asked) or from_named(variables, asked.env_py)
    for place, config in asked.configs.items():
        url = url or from_config(config, place)
    if isinstance(url, Sought) and asked.project is not None and asked.service is not None:
        url = within(url, Variables(asked.project, asked.service, asked.image_env))
    if url is not None:
        return url
    looked = "the service's environment and " if asked.service else ""
    return Unknown(
        f"found no database URL in {looked}sqlalchemy.url of Alembic's configuration",
        "set it: --database-url URL, or x-migops: {database-env: NAME} under the service",
    )


def _followed(asked: Question) -> Sought | Unknown | None:
    from migops.sources.followed_url import followed_url  # only where a database is asked

    return followed_url(asked)


def reach(asked: Question, sought: Sought | None = None) -> Reached | Absent | Unknown:
    """The address of the database. Does not connect yet, and starts nothing.

    Any obstacle is an ``Unknown`` with the reason, free of secrets.
    """
    named = sought or find_url(asked)
    if isinstance(named, Unknown):
        return named
    table = table_of(asked)
    if isinstance(table, Unknown):
        return table
    try:
        url = parse_url(named.text).with_options(_options(asked, named))
    except MigopsError as error:
        return Unknown(f"the URL of {named.origin} {error.message}", error.hint)
    placed = _placed(asked, named, url)
    return Reached(placed[0], url, table, named.origin, placed[1]) if isinstance(placed, tuple) else placed


def _options(asked: Question, sought: Sought) -> str:
    """The service's PGOPTIONS, if its driver uses them: a search path in them selects the version table."""
    heeded = re.match(r"postgres(ql)?(\+psycopg(2|2cffi|_async)?)?:", sought.text.strip(), re.IGNORECASE)
    return asked.variable("PGOPTIONS") if sought.inside and heeded and not asked.is_led_elsewhere else ""


def read_database(asked: Question, sought: Sought) -> DatabaseState | Absent | Unknown:
    """Ask the database once. Any obstacle is an ``Unknown`` with the reason, free of secrets.

    If it is not reachable from here, it is asked from inside the service's running container.
    """
    reached = reach(asked, sought)
    answer = read(reached, asked.timeout) if isinstance(reached, Reached) else reached
    if not isinstance(answer, Unknown) or not sought.inside or asked.engine is None or asked.service is None:
        return answer
    if isinstance(reached, Reached) and not any(words in answer.reason for words in _NO_WAY):
        return answer  # the server was reached and refused
    from migops.sources.database_inside import ask_inside

    return ask_inside(asked, sought, answer)


def _beside_servers(asked: Question, answer: Absent | Unknown) -> Absent | Unknown:
    """The reason with the project's servers, if there are several that may be meant instead of an SQLite file."""
    if asked.project is None or asked.service is None or isinstance(answer, Absent):
        return answer
    names = list(servers(asked.project, asked.service))
    if len(names) < 2:
        return answer
    reason = f"{answer.reason}; the project's own servers ({', '.join(names)}) are not named by env.py"
    return Unknown(reason, SAY_WHICH)


def _placed(asked: Question, sought: Sought, url: DatabaseUrl) -> tuple[DatabaseUrl, str] | Absent | Unknown:
    """The URL as it works from here, and a description of how it was found."""
    if url.dialect == "sqlite":
        base = asked.home if sought.at else Path.cwd()
        path = file_address(url, asked.service, asked.working_dir, base, sought.inside)
        return (url.on_file(str(path)), "") if isinstance(path, Path) else _beside_servers(asked, path)
    address = server_address(url, asked.project, asked.service, asked.engine, sought.inside, asked.compose)
    if isinstance(address, Unknown):
        return _with_edit(asked, sought, address)
    if address.how == "as written":
        return url, ""
    host = f"[{address.host}]" if ":" in address.host else address.host
    return url.at(address.host, address.port), f"{host}:{address.port}, {address.how}"


def _with_edit(asked: Question, sought: Sought, address: Unknown) -> Unknown:
    """The reason with the line whose URL names the service's own container, where the project has a server."""
    if asked.project is None or asked.service is None or sought.at is None or str(sought.at) not in sought.origin:
        return address
    server = next((name for name in servers(asked.project, asked.service) if name != asked.service.name), "")
    if address.command or not server or f"not the service {server}" not in address.reason:
        return address
    return replace(address, edit=f"write the service {server} as the URL's host", at=sought.at)
