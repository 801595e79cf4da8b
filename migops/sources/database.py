"""The database place: the rows of Alembic's version table, and whether other tables exist. It is only ever read."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from migops.core.errors import MigopsError
from migops.core.model import Absent, Unknown
from migops.database import DatabaseUrl, parse_url
from migops.sources.database_address import file_address, server_address
from migops.sources.database_question import Question, table_of
from migops.sources.database_read import Reached as Reached
from migops.sources.database_read import read as read
from migops.sources.database_state import DatabaseState
from migops.sources.database_url import Sought, Variables, from_config, from_service

if TYPE_CHECKING:
    pass

PAUSE = 0.5  # seconds between two attempts
_NO_WAY = (
    "could not translate host name", "resolve host", "timeout expired", "No route to host", "unreachable",
)  # fmt: skip
"""What a driver says where the address does not lead anywhere from here, and may from a container."""


def ask(asked: Question, wait: float = 0.0) -> DatabaseState | Absent | Unknown:
    """Ask the database, for up to ``wait`` seconds again and again until it answers."""
    sought = find_url(asked)
    if isinstance(sought, Unknown):
        return sought
    until = time.monotonic() + wait
    while True:
        found = read_database(asked, sought)
        left = until - time.monotonic()
        if not isinstance(found, Unknown) or left <= 0:
            return found
        time.sleep(min(PAUSE, left))


def find_url(asked: Question) -> Sought | Unknown:
    """The URL that is meant: what was said, what the service has, what Alembic's configuration has, in this order."""
    if asked.url:
        return Sought(asked.url, "--database-url", inside=False)
    found: Sought | Unknown | None = None
    if asked.project is not None and asked.service is not None:
        variables = Variables(asked.project, asked.service, asked.image_env)
        found = from_service(variables, asked.settings, asked.env_py)
    for place, config in asked.configs.items():
        found = found or from_config(config, place)
    if found is not None:
        return found
    looked = "the service's environment and " if asked.service else ""
    return Unknown(
        f"found no database URL in {looked}sqlalchemy.url of Alembic's configuration",
        "set it: --database-url URL, or x-migops: {database-env: NAME} under the service",
    )


def reach(asked: Question, sought: Sought | None = None) -> Reached | Absent | Unknown:
    """How to get to the database that is meant. Nothing is asked of it yet, and nothing is started for it.

    Whatever stands in the way is an ``Unknown`` with the reason, free of secrets.
    """
    found = sought or find_url(asked)
    if isinstance(found, Unknown):
        return found
    table = table_of(asked)
    if isinstance(table, Unknown):
        return table
    try:
        url = parse_url(found.text).with_options(_options(asked, found))
    except MigopsError as error:
        return Unknown(f"the URL of {found.origin} {error.message}", error.hint)
    placed = _placed(asked, found, url)
    return Reached(placed[0], url, table, found.origin, placed[1]) if isinstance(placed, tuple) else placed


def _options(asked: Question, sought: Sought) -> str:
    """The service's PGOPTIONS, where its driver heeds them: a search path there decides whose version table counts."""
    said = asked.url or asked.settings.get("database-url")  # a way of its own, past a pooler that refuses them, say
    heeded = re.match(r"postgres(ql)?(\+psycopg(2|2cffi|_async)?)?:", sought.text.strip(), re.IGNORECASE)
    return asked.variable("PGOPTIONS") if sought.inside and heeded and not said else ""


def read_database(asked: Question, sought: Sought) -> DatabaseState | Absent | Unknown:
    """Ask the database once. Whatever stands in the way is an ``Unknown`` with the reason, free of secrets.

    Where there is no way to it from here, it is asked from inside the service's running container.
    """
    reached = reach(asked, sought)
    found = read(reached, asked.timeout) if isinstance(reached, Reached) else reached
    if not isinstance(found, Unknown) or not sought.inside or asked.engine is None or asked.service is None:
        return found
    if isinstance(reached, Reached) and not any(words in found.reason for words in _NO_WAY):
        return found  # it was reached, and refused
    from migops.sources.database_inside import ask_inside

    return ask_inside(asked, sought, found)


def _placed(asked: Question, sought: Sought, url: DatabaseUrl) -> tuple[DatabaseUrl, str] | Absent | Unknown:
    """The URL as it works from here, and in words how it was found."""
    if url.dialect == "sqlite":
        base = asked.home if sought.at else Path.cwd()
        path = file_address(url, asked.service, asked.working_dir, base, sought.inside)
        return (url.on_file(str(path)), "") if isinstance(path, Path) else path
    address = server_address(url, asked.project, asked.service, asked.engine, sought.inside, asked.compose)
    if isinstance(address, Unknown):
        return address
    if address.how == "as written":
        return url, ""
    host = f"[{address.host}]" if ":" in address.host else address.host
    return url.at(address.host, address.port), f"{host}:{address.port}, {address.how}"
