"""FAULTS.md 28 and 35 for the deploy: what Alembic's process is told of lock timeouts does no harm by itself."""

from __future__ import annotations

import time

import pytest

from tests.deploy.stack import PRICE, edit, stack
from tests.engine.sandbox import Sandbox
from tests.examples.test_alembic import alembic
from tests.faults.deploying import address, begin, deploy, ended, session, stands, until
from tests.faults.test_alembic import CANARY, pgbouncer

pytestmark = pytest.mark.engine

FIRST = "b00000000001"
WAITS = "select 1 from pg_locks where locktype = 'virtualxid' and not granted"


def test_28_an_index_is_built_beside_an_old_transaction(sandbox: Sandbox) -> None:
    """CREATE INDEX CONCURRENTLY waits longer than --lock-timeout: it holds up nobody, and is whole in the end."""
    found = stack(sandbox)
    index = "op.create_index('by_title', 'product', ['title'], postgresql_concurrently=True)"
    found.write(FIRST, PRICE, f"with op.get_context().autocommit_block():\n        {index}")
    with session(found) as watching, session(found) as someone:
        watching.autocommit = True
        someone.execute("set transaction isolation level repeatable read")
        someone.execute("select title from product")
        running = begin(found, "--no-backup", "--lock-timeout", "1")
        until(lambda: running.poll() is not None or watching.execute(WAITS).fetchall(), "the index waits")
        time.sleep(3)
        still = watching.execute(WAITS).fetchall()
        someone.rollback()
    done = ended(running)
    assert (done.code, bool(still)) == (0, True), done.stderr
    assert "the migration waits for older transactions to end, held by pid " in done.stderr
    assert found.query("select indisvalid from pg_index where indexrelid = 'by_title'::regclass") == "t"
    assert found.rows() == [FIRST]


def test_35_an_application_behind_a_pooler(sandbox: Sandbox) -> None:
    """PgBouncer refuses a start with options: where migops is led past it, none are given to the application."""
    found = stack(sandbox, password=CANARY)
    direct = f"postgresql://shop:{CANARY}@{address(found)}:5432/shop"
    compose = found.project / "compose.yaml"
    with pgbouncer(sandbox, address(found)) as pooler:
        edit(compose, "@db:5432", f"@{pooler}:6432")
        refused = deploy(found, "--no-backup")
        assert refused.code == 2, refused.stderr
        found.write(FIRST, PRICE, "op.execute(\"insert into product (title) values ('new')\")")
        migrated = deploy(found, "--no-backup", MIGOPS_DATABASE_URL=direct)
        assert migrated.code == 0, migrated.stderr
        edit(compose, "    build: .\n", f"    build: .\n    x-migops:\n      database-url: {direct}\n")
        proved = deploy(found, "--no-backup")
        assert proved.code == 0, proved.stderr + proved.stdout
        assert proved.json["revisions"]["after"] == [FIRST]
        again = alembic(sandbox, found.project, "upgrade", "head", XDG_STATE_HOME=str(found.state))
        assert again.code == 0, again.stderr
    assert stands(found)[2:] == ([FIRST], ["kept", "new"])
    assert CANARY not in migrated.stdout + migrated.stderr + proved.stdout + proved.stderr
