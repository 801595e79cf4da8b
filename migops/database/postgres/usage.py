"""What is in a PostgreSQL database, who is connected to it, and what else depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migops.database import DatabaseUrl
from migops.database.postgres.catalogue import NOT_OF_AN_EXTENSION, USER_SCHEMA
from migops.database.postgres.direct import direct

_TABLES = f"""
SELECT n.nspname, c.relname, pg_catalog.pg_stat_get_live_tuples(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {USER_SCHEMA} AND {NOT_OF_AN_EXTENSION}
ORDER BY 1, 2
"""  # noqa: S608 - constants
_SIZE = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())"
_EXTENSIONS = """
SELECT e.extname, n.nspname FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY e.oid
"""
_PATH = "SELECT unnest(pg_catalog.current_schemas(false))::text"
_GRANTS = """
SELECT n.nspname, CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, a.privilege_type
FROM pg_catalog.pg_namespace n, LATERAL pg_catalog.aclexplode(n.nspacl) a
WHERE a.grantee <> n.nspowner AND a.privilege_type IN ('USAGE', 'CREATE') AND n.nspname = ANY(%s) ORDER BY 1, 2, 3
"""
_LACKS = """
SELECT 'the database user ' || current_user || ' may not create databases (CREATEDB)' FROM pg_catalog.pg_roles
WHERE rolname = current_user AND NOT (rolsuper OR rolcreatedb)
UNION ALL
SELECT 'the database user ' || current_user || ' is not the owner of ' || datname FROM pg_catalog.pg_database
WHERE datname = pg_catalog.current_database() AND NOT pg_catalog.pg_has_role(datdba, 'USAGE')
"""
_SESSIONS = """
SELECT pid, coalesce(host(client_addr), ''), coalesce(application_name, '') FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
  AND coalesce(backend_type, 'client backend') = 'client backend'
"""
_TIES = """
SELECT 'its server is a standby (pg_is_in_recovery)' WHERE pg_catalog.pg_is_in_recovery()
UNION ALL
SELECT 'a standby or another receiver streams from its server (' || coalesce(nullif(application_name, ''), 'unnamed')
       || coalesce(' at ' || host(client_addr), '') || ')' FROM pg_catalog.pg_stat_replication
UNION ALL
SELECT 'its server has the replication slot ' || slot_name FROM pg_catalog.pg_replication_slots
WHERE database IS NULL OR database = pg_catalog.current_database()
UNION ALL
SELECT 'it has the subscription ' || subname FROM pg_catalog.pg_subscription
WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
UNION ALL
SELECT 'it has the prepared transaction ' || gid FROM pg_catalog.pg_prepared_xacts
WHERE database = pg_catalog.current_database()
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, with the server's estimate of its rows."""

    schema: str
    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class Session:
    """A client's session. ``address`` is '' for a socket of the server, ``application`` '' if it has no name."""

    pid: int
    address: str
    application: str


@dataclass(frozen=True, slots=True)
class SchemaGrant:
    """A privilege on a schema; an empty ``grantee`` is PUBLIC."""

    schema: str
    grantee: str
    privilege: str


@dataclass(frozen=True, slots=True)
class DatabaseUsage:
    """What a database holds and who uses it."""

    tables: tuple[Table, ...]
    """Without the server's own and those of extensions."""
    size: int
    """Bytes on the server's disk."""
    extensions: tuple[tuple[str, str], ...]
    """Name and schema of each, in the order of creation, without ``plpgsql``."""
    path: tuple[str, ...]
    """The existing schemas of the search path."""
    sessions: tuple[Session, ...]
    ties: tuple[str, ...]
    """Standbys, replication slots, subscriptions and prepared transactions, a sentence each."""
    lacks: tuple[str, ...] = ()
    """Why the URL's user may not replace the database, a sentence each."""
    grants: tuple[SchemaGrant, ...] = ()
    """The privileges on ``public`` and on the schemas of the search path that their owners have given."""


def read(url: DatabaseUrl, timeout: float) -> DatabaseUsage:
    """Ask the database, within ``timeout`` seconds for each query. Raises ``Unavailable`` if it does not answer."""
    with direct(url, timeout=timeout, name="migops") as connection:
        size = connection.execute(_SIZE).fetchone()
        path = tuple(str(name) for (name,) in connection.execute(_PATH))
        tables = connection.execute(_TABLES.encode()).fetchall()
        grants = connection.execute(_GRANTS, (["public", *path],)).fetchall()
        return DatabaseUsage(
            tuple(Table(str(schema), str(name), int(rows)) for schema, name, rows in tables),
            int(size[0]) if size else 0,
            tuple((str(name), str(schema)) for name, schema in connection.execute(_EXTENSIONS)),
            path,
            tuple(Session(int(pid), str(address), str(name)) for pid, address, name in connection.execute(_SESSIONS)),
            tuple(str(sentence) for (sentence,) in connection.execute(_TIES)),
            tuple(str(sentence) for (sentence,) in connection.execute(_LACKS)),
            tuple(SchemaGrant(str(schema), str(grantee), str(privilege)) for schema, grantee, privilege in grants),
        )  # fmt: skip


Statement = tuple[str, tuple[str, ...]]
"""An SQL statement, with the identifiers for its ``{}`` in order."""


def prepare(url: DatabaseUrl, timeout: float, statements: Sequence[Statement]) -> None:
    """Run statements in a database. Raises ``Unavailable`` if one of them fails."""
    from psycopg import sql

    with direct(url, timeout=timeout, name="migops") as connection:
        for text, names in statements:
            connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))


def carried(usage: DatabaseUsage, version_schema: str) -> tuple[Statement, ...]:
    """The statements that give an empty database what no migration makes: the schemas of the search path and of the
    version table, the extensions with their schemas, and the privileges on these schemas."""
    schemas = (*usage.path, version_schema, *(each for _, each in usage.extensions))
    new = [name for name in dict.fromkeys(schemas) if name not in ("", "public", "pg_catalog")]
    grants = [each for each in usage.grants if each.schema in ("public", *new)]
    return (
        *(("CREATE SCHEMA IF NOT EXISTS {}", (name,)) for name in new),
        *(("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {}", each) for each in usage.extensions),
        *(_grant(each) for each in grants),
    )


def _grant(grant: SchemaGrant) -> Statement:
    text = f"GRANT {grant.privilege} ON SCHEMA {{}} TO"  # the server names its privileges
    if grant.grantee:
        return f"{text} {{}}", (grant.schema, grant.grantee)
    return f"{text} PUBLIC", (grant.schema,)
