"""The watch on a real PostgreSQL: whose waits are its own, who is named, what is cancelled, a lock that is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from migops.database import DatabaseUrl
from migops.database.postgres.lock_rows import Waiting
from migops.database.postgres.session import open_session
from migops.database.postgres.watch import MigrationSessions, watch
from tests.postgres.test_session import plain

OURS = Waiting(7, "172.20.0.3", "", 5, "ALTER TABLE t ADD x int", "relation", "AccessExclusiveLock", "t", (8,))


ROW = replace(OURS, kind="transactionid", mode="ShareLock", table="")


@pytest.mark.parametrize(
    ("migration_sessions", "waiting", "named", "ours"),
    [
        (MigrationSessions("migops-1"), replace(OURS, application="migops-1", address="10.0.0.1"), True, True),
        (MigrationSessions("migops-1", since=4), replace(OURS, application="psql"), True, False),
        (MigrationSessions("migops-1", since=4), replace(OURS, application="psql"), False, True),
        (MigrationSessions("migops-1", since=6), replace(OURS, application="psql"), False, False),
        (MigrationSessions(since=4), replace(OURS, address="10.0.0.1"), False, False),
        (MigrationSessions(since=4), ROW, False, False),
        (MigrationSessions(since=4, alone=True), ROW, False, True),
        (MigrationSessions(since=4, alone=True), replace(ROW, address="10.0.0.1"), False, False),
        (MigrationSessions(since=4), replace(OURS, mode="RowExclusiveLock"), False, False),
        (MigrationSessions(since=4), replace(OURS, kind="tuple", mode="ExclusiveLock"), False, False),
    ],
)
def test_whose_wait_it_is(migration_sessions: MigrationSessions, waiting: Waiting, named: bool, ours: bool) -> None:
    assert migration_sessions.is_it(waiting, ["172.20.0.3"], named) is ours


@contextmanager
def altering(url: DatabaseUrl, name: str) -> Iterator[list[psycopg.Error]]:
    """A migration that waits for the table; how it ended, afterwards."""
    errors: list[psycopg.Error] = []
    with plain(url) as migration:
        migration.execute(f"SET application_name = '{name}'")

        def alter() -> None:
            try:
                migration.execute("ALTER TABLE t ADD x int")
            except psycopg.Error as error:
                errors.append(error)

        thread = threading.Thread(target=alter)
        thread.start()
        yield errors
        thread.join(60)


@pytest.mark.engine
def test_a_wait_is_named_and_cancelled_and_a_lost_lock_is_told(url: DatabaseUrl) -> None:
    said: list[str] = []
    lost = threading.Event()
    with open_session(url) as ours, plain(url) as someone, plain(url) as admin:
        ours.lock()
        someone.execute("CREATE TABLE t ()")
        someone.execute("SET application_name = 'psql'")
        someone.autocommit = False
        someone.execute("SELECT 'forgotten' FROM t")
        with (
            watch(ours, application="migops-1", since=ours.now(), lock_timeout=2, say=said.append) as seen,
            altering(url, "migops-1") as errors,
            altering(url, "another") as others,
        ):
            until = time.monotonic() + 120
            while not errors and time.monotonic() < until:
                time.sleep(0.1)
            assert [type(error) for error in errors] == [psycopg.errors.QueryCanceled]
            time.sleep(0.6)
            assert not others, "only what is the migration's is cancelled"
            someone.rollback()
        assert seen.was_cancelled
        assert not seen.lost
        (blocker,) = seen.blockers
        assert (blocker.application, blocker.state) == ("psql", "idle in transaction")
        assert said[0].startswith("the migration waits for AccessExclusiveLock on t, held by pid ")
        assert "SELECT 'forgotten' FROM t" in said[0]
        assert "cancelled" in said[1]

        with watch(ours, application="migops-1", lost=lost.set) as seen:
            admin.execute("SELECT pg_terminate_backend(%s)", (ours.connection.info.backend_pid,))
            assert lost.wait(60)
        assert "is lost" in seen.lost
