"""A session for creating, renaming and closing databases, connected to another database than the restored one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migops.core.errors import Unavailable
from migops.database import DatabaseUrl
from migops.database.postgres.direct import direct
from migops.database.postgres.swap_statements import Grant, Properties, Setting

if TYPE_CHECKING:
    from psycopg import Connection

_PATIENCE = 600.0  # seconds for one statement: CREATE DATABASE copies files, and a disk may be slow
_DATABASE = """
SELECT pg_catalog.to_jsonb(d), pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
       t.spcname, pg_catalog.shobj_description(d.oid, 'pg_database')
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = %s
"""
_GRANTS = """
SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable
FROM pg_catalog.pg_database d, LATERAL pg_catalog.aclexplode(d.datacl) a WHERE d.datname = %s ORDER BY 1, 2
"""
_SETTINGS = """
SELECT coalesce(r.rolname, ''), s.entry FROM pg_catalog.pg_db_role_setting c
JOIN pg_catalog.pg_database d ON d.oid = c.setdatabase
LEFT JOIN pg_catalog.pg_roles r ON r.oid = c.setrole, LATERAL unnest(c.setconfig) WITH ORDINALITY AS s (entry, place)
WHERE d.datname = %s ORDER BY 1, s.place
"""
_SESSIONS = """
SELECT coalesce(host(client_addr), ''), application_name FROM pg_catalog.pg_stat_activity
WHERE datname = ANY(%s) AND pid <> pg_catalog.pg_backend_pid() AND application_name <> %s
"""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The session. Errors of the driver become ``Unavailable`` when the session is closed."""

    connection: Connection[Any]
    name: str

    def run(self, *statements: str) -> None:
        """Run statements one after another, each in its own transaction."""
        for statement in statements:
            self.connection.execute(statement.encode())

    def together(self, *statements: str) -> None:
        """Run statements in one transaction."""
        with self.connection.transaction():
            self.run(*statements)

    def properties(self, database: str) -> Properties | None:
        """The properties of a database; None if there is none of that name."""
        record = self.connection.execute(_DATABASE, (database,)).fetchone()
        if record is None:
            return None
        row, owner, encoding, tablespace, comment = record
        grants = self.connection.execute(_GRANTS, (database,)).fetchall() if row["datacl"] is not None else None
        settings = self.connection.execute(_SETTINGS, (database,)).fetchall()
        return Properties(
            oid=int(row["oid"]), owner=owner, encoding=encoding, collate=row["datcollate"], ctype=row["datctype"],
            tablespace=tablespace, limit=int(row["datconnlimit"]), provider=row.get("datlocprovider") or "",
            locale=row.get("datlocale") or row.get("daticulocale") or "", comment=comment or "",
            grants=None if grants is None else tuple(Grant(*each) for each in grants),
            settings=tuple(Setting(role, *str(entry).split("=", 1)) for role, entry in settings),
            open=bool(row["datallowconn"]),
        )  # fmt: skip

    def address(self) -> str:
        """The address at which the server itself takes this session, whatever passed it on; '' for a socket."""
        row = self.connection.execute("SELECT coalesce(host(pg_catalog.inet_server_addr()), '')").fetchone()
        return str(row[0]) if row else ""

    def sessions(self, *databases: str) -> list[tuple[str, str]]:
        """All other sessions in these databases: address ('': a socket) and application name."""
        rows = self.connection.execute(_SESSIONS, (list(databases), self.name)).fetchall()
        return [(str(address), str(name)) for address, name in rows]


@contextmanager
def maintenance(url: DatabaseUrl, name: str) -> Iterator[Maintenance]:
    """Open the session, in the database ``postgres`` or else ``template1``. Raises ``Unavailable`` if it cannot."""
    with ExitStack() as stack:
        yield Maintenance(_open(url, name, stack), name[:63])


def _open(url: DatabaseUrl, name: str, stack: ExitStack) -> Connection[Any]:
    first, *others = (each for each in ("postgres", "template1") if each != url.url.database)
    try:
        return stack.enter_context(direct(url, timeout=_PATIENCE, name=name, database=first))
    except Unavailable as error:
        if not others or "does not exist" not in error.message:
            raise
    return stack.enter_context(direct(url, timeout=_PATIENCE, name=name, database=others[0]))
