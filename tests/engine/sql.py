"""Statements for a PostgreSQL of a sandbox, past `docker compose exec`, which takes a second on a busy machine."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg.pq import ExecStatus, PGconn

from tests.engine.sandbox import Sandbox


def ask(box: Sandbox, sql: str, *, user: str, database: str, password: str = "", server: str = "db") -> str:
    """What `psql -At` prints of the rows. *sql* may be several statements, which are then one transaction.

    Without a *password*, it is the one that the server's container was made with. Raises `psycopg.Error` where the
    server refuses.
    """
    with box.engine.api() as engine:
        found = engine.inspect_container(f"{box.name}-{server}-1")
    (address,) = (each["IPAddress"] for each in found["NetworkSettings"]["Networks"].values())
    password = password or dict(each.split("=", 1) for each in found["Config"]["Env"])["POSTGRES_PASSWORD"]
    where = {"host": address, "user": user, "password": password, "dbname": database}
    with psycopg.connect(**where, autocommit=True, application_name="psql", connect_timeout=30) as connection:
        return "\n".join(_lines(connection.pgconn, sql)).strip()


def _lines(connection: PGconn, sql: str) -> Iterator[str]:
    connection.send_query(sql.encode())
    while result := connection.get_result():
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise psycopg.Error(f"{sql}: {result.error_message.decode()}")
        for row in range(result.ntuples):
            values = (result.get_value(row, column) for column in range(result.nfields))
            yield "|".join((value or b"").decode() for value in values)
