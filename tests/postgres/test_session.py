"""Our session on a real PostgreSQL: its lock and who is named as holder, a loss that is noticed, who waits for whom."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from migops.core.errors import Locked
from migops.database import DatabaseUrl
from migops.database.postgres.session import SessionLost, lock_key, open_session
from tests.postgres.conftest import CANARY

pytestmark = pytest.mark.engine


def plain(url: DatabaseUrl) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)


def test_the_session(url: DatabaseUrl) -> None:
    with open_session(url, label="migops deploy") as ours:
        assert ours.rows() is None
        ours.lock()
        ours.check()
        with open_session(url) as theirs, pytest.raises(Locked, match="migops deploy") as locked:
            theirs.lock(wait=0.5)
        assert CANARY not in str(locked.value)
        with open_session(url, table="other") as theirs:
            theirs.lock()  # another version table is another lock

        with plain(url) as someone:
            someone.execute("CREATE TABLE alembic_version (version_num text)")
            someone.execute("INSERT INTO alembic_version VALUES ('b'), ('a')")
            assert ours.rows() == ("a", "b")
            someone.autocommit = False
            someone.execute("LOCK TABLE alembic_version")
            someone.execute("SELECT 'the blocker'")
            with plain(url) as migration:
                errors: list[Exception] = []

                def alter() -> None:
                    try:
                        migration.execute("ALTER TABLE alembic_version ADD x int")
                    except psycopg.errors.QueryCanceled as error:
                        errors.append(error)

                thread = threading.Thread(target=alter)
                thread.start()
                while not (waiting := ours.waiting()):
                    time.sleep(0.05)
                (one,) = waiting
                assert (one.mode, one.table) == ("AccessExclusiveLock", "alembic_version")
                (blocker,) = ours.blockers(one.blocked_by)
                assert blocker.state == "idle in transaction"
                assert "the blocker" in str(blocker)
                assert ours.cancel(one.pid)
                thread.join(60)
                assert errors
            someone.rollback()
            someone.autocommit = True
            someone.execute("SELECT pg_terminate_backend(%s)", (ours.connection.info.backend_pid,))
        with pytest.raises(SessionLost) as lost:
            ours.check()
        assert CANARY not in str(lost.value)
    with open_session(url) as after:
        after.lock()  # the lock went with the session


def test_a_key_for_each_version_table() -> None:
    assert lock_key("shop", "", "alembic_version") == lock_key("shop", "", "alembic_version")
    keys = {lock_key("shop", "", "t"), lock_key("shop", "t", ""), lock_key("sho", "p", "t"), lock_key("shop", "a", "t")}
    assert len(keys) == 4
    assert all(-(2**63) <= key < 2**63 for key in keys)
