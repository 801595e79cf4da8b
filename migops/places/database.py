"""The database place: the rows of Alembic's version table, and whether other tables exist. It is only ever read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from migops.database import DatabaseUrl, connect, parse_url
from migops.engine import Engine
from migops.errors import MigopsError
from migops.history.config import ConfigFile
from migops.history.version_table import VersionTable, version_table
from migops.model import Absent, Unknown
from migops.places.database_address import file_address, server_address
from migops.places.database_state import DatabaseState
from migops.places.database_url import Sought, Variables, from_config, from_service

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from migops.compose import Project, Service

PAUSE = 0.5  # seconds between two attempts
_NO_WAY = (
    "could not translate host name", "resolve host", "timeout expired", "No route to host", "unreachable",
)  # fmt: skip
"""What a driver says where the address does not lead anywhere from here, and may from a container."""

RELATIONS = """
SELECT n.nspname, c.relname, pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND left(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
"""Tables, but for the server's own and those that an extension such as PostGIS brought along; and how far on in the
search path their schema stands, NULL where it does not."""


@dataclass(frozen=True, slots=True)
class Question:
    """All that decides which database is asked, and how.

    ``url`` is --database-url. ``project`` and ``service`` are None without a compose file. ``configs`` are Alembic's
    configurations by the place that they were read in, the one that counts most first; ``env_py`` is the text of
    Alembic's env.py and ``env_path`` its path; ``image_env`` is what the image's ENV sets. ``working_dir`` is the
    container's, ``home`` the host's folder that Alembic starts in. ``compose`` is the user's compose command,
    ``engine`` None where it may not be asked, ``timeout`` in seconds.
    """

    url: str = field(default="", repr=False)
    project: Project | None = None
    service: Service | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, ConfigFile] = field(default_factory=dict)
    env_py: str = ""
    env_path: str = "env.py"
    image_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    working_dir: str = ""
    home: Path = field(default_factory=Path.cwd)
    compose: tuple[str, ...] = ("docker", "compose")
    engine: Callable[[], Engine] | None = None
    timeout: float = 20.0


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
        f"no URL of a database was found in {looked}sqlalchemy.url of Alembic's configuration",
        "say it: --database-url URL, or x-migops: {database-env: NAME} under the service",
    )


@dataclass(frozen=True, slots=True)
class Reached:
    """A database as it can be asked from here.

    ``url`` leads there, ``named`` is the URL as the service has it, ``origin`` where that was found and ``how``, in
    words, how it was reached. ``table`` is the one that Alembic notes its revisions in.
    """

    url: DatabaseUrl
    named: DatabaseUrl
    table: VersionTable
    origin: str
    how: str

    def unknown(self, error: MigopsError) -> Unknown:
        """Why it could not be asked."""
        at = f" at {self.how}" if self.how else ""
        return Unknown(f"{self.named.shown}{at}: {error.message} (URL: {self.origin})", error.hint)


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
        url = parse_url(found.text)
    except MigopsError as error:
        return Unknown(f"the URL of {found.origin} {error.message}", error.hint)
    placed = _placed(asked, found, url)
    return Reached(placed[0], url, table, found.origin, placed[1]) if isinstance(placed, tuple) else placed


def table_of(asked: Question) -> VersionTable | Unknown:
    """The table that the service's Alembic notes its revisions in."""
    return version_table(
        asked.env_py, asked.env_path,
        name=asked.settings.get("version-table", ""), schema=asked.settings.get("version-table-schema", ""),
    )  # fmt: skip


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
    from migops.places.database_inside import ask_inside

    return ask_inside(asked, sought, found)


def read(reached: Reached, timeout: float) -> DatabaseState | Unknown:
    """Ask a database that can be reached, once, within ``timeout`` seconds."""
    try:
        with connect(reached.url, timeout=timeout) as connection:
            return _read(connection, reached)
    except MigopsError as error:
        return reached.unknown(error)


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


def _read(connection: Connection, reached: Reached) -> DatabaseState:
    from sqlalchemy import String, column, select
    from sqlalchemy import table as named

    dialect, table = connection.dialect, reached.table
    relations = arranged(_relations(connection, table), table)
    rows: list[str] = []
    if any(there and name == table.name for _, name, there in relations):
        wanted = select(column("version_num", String())).select_from(named(table.name, schema=table.schema or None))
        rows = [str(number) for (number,) in connection.execute(wanted)]
    version = ".".join(str(part) for part in dialect.server_version_info or ())
    server = f"{_server(connection)} {version}".strip()
    return state(reached, relations, rows, server, str(connection.engine.url.database or ""))


def state(
    reached: Reached, relations: Sequence[tuple[str, str, bool]], rows: Sequence[str], server: str, name: str
) -> DatabaseState:
    """What was seen, by whoever asked: the tables as ``arranged`` gives them, and the version table's rows."""
    table = reached.table
    schemas = tuple(schema for schema, name, there in relations if there and name == table.name)
    return DatabaseState(
        rows=tuple(sorted(rows)),
        has_version_table=bool(schemas),
        tables=tuple(sorted(name for _, name, there in relations if there and name != table.name)),
        elsewhere=tuple(sorted(schema for schema, name, there in relations if not there and name == table.name)),
        version_table=str(table),
        schemas=schemas,
        server=server,
        name=name,
        url=reached.named.shown,
        origin=reached.origin,
        address=reached.how,
    )


SERVERS = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mysql": "MySQL"}


def _server(connection: Connection) -> str:
    """The server's name; a MariaDB says so itself, also where the URL says mysql."""
    dialect = connection.dialect
    return "MariaDB" if getattr(dialect, "is_mariadb", False) else SERVERS.get(dialect.name, dialect.name)


def arranged(tables: Iterable[tuple[str, str, int | None]], table: VersionTable) -> list[tuple[str, str, bool]]:
    """Tables as (schema, name, whether it is where we look): in the version table's schema, or on the search path.

    ``tables`` have in their third place how far on in the search path the schema stands, None where it does not; those
    that are on it come in its order. Of a version table whose schema is named, only that one counts.
    """
    found = sorted(tables, key=lambda each: each[2] or 0)
    if not table.schema:
        return [(schema, name, at is not None) for schema, name, at in found]
    return [(s, n, s == table.schema or (at is not None and n != table.name)) for s, n, at in found]


def _relations(connection: Connection, table: VersionTable) -> list[tuple[str, str, int | None]]:
    if connection.dialect.name == "postgresql":
        return [(str(schema), str(name), at) for schema, name, at in connection.exec_driver_sql(RELATIONS)]
    from sqlalchemy import inspect

    inspector = inspect(connection)
    schemas = dict.fromkeys((None, table.schema or None))
    return [(schema or "", name, 1) for schema in schemas for name in inspector.get_table_names(schema)]
