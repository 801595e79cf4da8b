"""Whether env.py's text begins a transaction that Alembic does not own."""

from __future__ import annotations

import pytest

from migops.migrations.env_transaction import Uncommitted, early_statement, uncommitted

SYNC = """
def run_migrations_online():
    with connectable.{opened}() as connection:
{before}
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
{after}
"""
ASYNC = """
async def run_async_migrations():
    async with connectable.connect() as connection:
{before}
        await connection.run_sync(do_run_migrations)
{after}
"""


def source(before: str, after: str = "", text: str = SYNC, opened: str = "connect") -> str:
    return text.format(before=f"        {before}", after=f"        {after}", opened=opened)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (source("pass"), 0),
        (source('connection.execute(text("SELECT pg_advisory_lock(1)"))'), 4),
        (source('connection.exec_driver_sql("SET search_path TO a")'), 4),
        (source("connection.begin()"), 4),
        (source('connection.execute(text("SET search_path TO a")); connection.commit()'), 0),
        (source('connection.execute(text("SET x = 1"))', "connection.commit()"), 0),
        (source('connection.execute(text("SET x = 1"))', opened="begin"), 0),
        (source('other.execute(text("SET x = 1"))'), 0),
        (source("pass", 'connection.execute(text("SELECT pg_advisory_unlock(1)"))'), 0),
        (source('await connection.execute(text("SELECT 1"))', text=ASYNC), 4),
        (source('await connection.execute(text("SELECT 1"))', "await connection.commit()", text=ASYNC), 0),
        (source("pass", text=ASYNC), 0),
        ("this is no Python", 0),
        ("", 0),
    ],
)
def test_the_line(text: str, line: int) -> None:
    assert early_statement(text) == line


LOCK = 'connection.execute(text("SELECT pg_advisory_lock(1)"))'
IN_BEGIN = """
def run_migrations_online():
    with connectable.connect() as conn:
        with conn.begin():
            context.configure(connection=conn)
            context.run_migrations()
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (source(LOCK), Uncommitted(4, "connection")),
        (source(LOCK.replace("connection", "conn")).replace("connection", "conn"), Uncommitted(4, "conn")),
        (source(LOCK.replace("(text", "(\n            text")), Uncommitted(5, "connection")),
        (source("await " + LOCK, text=ASYNC), Uncommitted(4, "connection")),
        (source("try:\n            " + LOCK + "\n        finally:\n            pass"), Uncommitted(5, "connection")),
        (source(LOCK, "connection.commit()"), None),
        (source("transaction = connection.begin()", "transaction.commit()"), None),
        (source('if url.startswith("sqlite"): ' + LOCK), None),
        (source('connection = connection.execution_options(isolation_level="AUTOCOMMIT")\n        ' + LOCK), None),
        (source(LOCK, opened="begin"), None),
        (source("pass"), None),
        (IN_BEGIN, None),
        ("this is no Python", None),
    ],
)
def test_what_is_certainly_never_committed(text: str, found: Uncommitted | None) -> None:
    assert uncommitted(text) == found
