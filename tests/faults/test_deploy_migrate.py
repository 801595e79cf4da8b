"""FAULTS.md 26 to 30, 38 and 41 for the deploy: what goes wrong while it migrates is judged by the rows it leaves."""

from __future__ import annotations

import pytest

from tests.deploy.stack import PASSWORD, PRICE, edit, stack
from tests.engine.proxy import Fault, proxy
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import address, begin, deploy, end, ended, noted, session, stands, until_it_sleeps
from tests.kit import Result

pytestmark = pytest.mark.engine

FIRST, SECOND, THIRD = "b00000000001", "b00000000002", "b00000000003"
ROW = "op.execute(\"insert into product (title) values ('new')\")"
SLEEP = "op.execute('select pg_sleep(60)')"


def test_26_28_29_30_41_the_database_is_as_it_was(sandbox: Sandbox) -> None:
    found = stack(sandbox, more="    mem_limit: 200m\n    memswap_limit: 200m\n")
    before = stands(found)

    def failed(result: Result, said: str, outcome: tuple[str, int] = ("failed", 6)) -> None:
        assert (result.json["outcome"], result.code) == outcome, result.stderr
        assert said in result.json["message"], result.stderr
        assert stands(found) == before
        assert (end(found)["outcome"], end(found)["exit"]) == outcome
        names = sandbox.docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name=migops-{sandbox.name}")
        assert names == "", "the container that migrated is gone"

    # 26: it raises, after the first of two revisions and a row of its own
    found.write(FIRST, PRICE, ROW)
    found.write(SECOND, FIRST, f"{ROW}\n    op.execute('select 1/0')")
    raised = deploy(found)
    failed(raised, f"the migration failed with code 1, at {SECOND}; the database is at {PRICE}, as it was")
    assert "division by zero" in raised.stderr

    # 28: someone holds what it needs
    found.write(SECOND, FIRST, "op.drop_column('product', 'price')")
    with session(found) as someone:
        someone.execute("select title from product")
        waited = deploy(found, "--lock-timeout", "2")
        pid = someone.info.backend_pid
        failed(waited, f"gave up waiting for a lock that pid {pid} (someone), user shop from ")
        assert "idle in transaction for 00:0" in waited.json["message"]
        assert waited.stderr.count("nothing was applied; attempt ") == 2

    # 30: it takes more memory than the service may
    found.write(SECOND, FIRST, "bytearray(1 << 30)")
    # and Alembic logs nothing of where it is: the trace tells
    failed(deploy(found), f"the migration ran out of memory and was killed (OOM), at {SECOND}; ")

    # 41: someone else migrates between the plan and the first statement, and while it runs
    word = 'docker compose exec -T -e PGPASSWORD={} db psql -h 127.0.0.1 -U shop -d shop -qc "{}"'
    moves = word.format(PASSWORD, f"update alembic_version set version_num = '{FIRST}'")
    moved = deploy(found, at={"backup:done": moves})
    assert (moved.code, moved.json["outcome"]) == (7, "operator"), moved.stderr
    assert f"the database was at {PRICE} a moment ago, and is at {FIRST} now" in moved.json["message"]
    assert (found.running(), found.rows()) == (before[1], [FIRST])
    found.query(f"update alembic_version set version_num = '{PRICE}'")
    found.write(SECOND, FIRST, "op.execute('select pg_sleep(5)')")
    running = begin(found)
    until_it_sleeps(found)
    found.query(f"update alembic_version set version_num = '{THIRD}'")
    beside = ended(running)
    assert (beside.code, beside.json["outcome"]) == (7, "operator"), beside.stderr
    assert f"the database is at {THIRD} after the migration, not at {SECOND}: someone else" in beside.json["message"]
    assert (found.running(), found.rows()) == (before[1], [THIRD])
    found.query(f"update alembic_version set version_num = '{PRICE}'")
    found.query("delete from product where title = 'new'")

    # 29: the server goes down at once, and comes back
    found.write(SECOND, FIRST, f"{ROW}\n    {SLEEP}")
    running = begin(found)
    until_it_sleeps(found)
    sandbox.docker("kill", "--signal", "QUIT", f"{sandbox.name}-db-1")
    sandbox.docker("wait", f"{sandbox.name}-db-1")
    found.compose("up", "-d", "--no-deps", "--wait", "db")
    failed(ended(running), "the migration was stopped, because the session that held the lock")


def test_27_it_fails_after_it_has_committed(sandbox: Sandbox) -> None:
    """What stays is named, and the printed restore brings the data back."""
    found = stack(sandbox)
    old = found.image()
    index = "op.create_index('by_title', 'product', ['title'], postgresql_concurrently=True)"
    block = f"with op.get_context().autocommit_block():\n        {index}"
    found.write(FIRST, PRICE, f"{ROW}\n    {block}\n    op.execute('select 1/0')")
    half = deploy(found)
    assert (half.code, half.json["outcome"]) == (7, "operator"), half.stderr
    assert (
        f"at {FIRST}; the database is still at {PRICE}, but part of the revision stays: left behind: index "
        in (half.json["message"])
    )
    assert "index public.by_title" in half.json["message"]
    assert stands(found) == (old, [old], [PRICE], ["kept", "new"]), "the row was committed with the block"
    restore = half.json["commands"][-1]
    assert restore[:2] == ["migops", "restore"]
    assert half.json["backup"] in restore
    assert end(found)["commands"] == half.json["commands"]


def test_38_the_answer_to_the_commit_is_lost(sandbox: Sandbox) -> None:
    """The database has it, Alembic does not know: the rows are read again, and the next run goes on from there."""
    found = stack(sandbox)
    old = found.image()
    form = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = sandbox.docker("network", "inspect", "-f", form, f"{sandbox.name}_default").strip()
    with proxy((address(found), 5432), at=gateway, fault=Fault(0, on=b"COMMIT")) as between:
        edit(found.project / "compose.yaml", "@db:5432", f"@{gateway}:{between.address[1]}")
        found.write(FIRST, PRICE, ROW)
        lost = deploy(found, "--no-backup")
        assert between.struck == 1, f"the one COMMIT was the migration's\n{lost.stderr}"
        assert (lost.code, lost.json["outcome"]) == (7, "operator"), lost.stderr
        assert f"yet the database is at {FIRST}, as intended: its last answer was lost" in lost.json["message"]
        assert lost.json["revisions"] == {"before": [PRICE], "after": [FIRST]}
        assert stands(found) == (old, [old], [FIRST], ["kept", "new"])
        assert ["migops", "rebuild-and-migrate", "app"] in lost.json["commands"]
        between.fault = None
        again = deploy(found, "--no-backup")
    assert again.code == 0, again.stderr
    assert "migrate:done" in noted(found)
    assert stands(found) == (found.image(), [found.image()], [FIRST], ["kept", "new"]), "nothing ran twice"


def test_44_a_rehearsal_reaches_no_live_database(sandbox: Sandbox) -> None:
    """env.py has a literal URL: by the server's address it gets nowhere, by its name it gets to the copy."""
    found = stack(sandbox)
    before = stands(found)
    found.write(FIRST, PRICE, ROW, "op.execute(\"delete from product where title = 'new'\")")
    env = found.project / "migrations/env.py"
    meant, literal = 'os.environ["DATABASE_URL"]', f"'postgresql+psycopg://shop:{PASSWORD}@HOST:5432/shop'"
    whole = env.read_text()
    env.write_text(whole.replace(meant, literal.replace("HOST", address(found))))
    refused = deploy(found, "--rehearse")
    assert (refused.code, refused.json["outcome"]) == (5, "aborted"), refused.stderr
    assert refused.json["steps"][-1]["name"] == "rehearse"
    assert "migrate:started" not in noted(found)
    assert stands(found) == before
    env.write_text(whole.replace(meant, literal.replace("HOST", "db")))
    done = deploy(found, "--rehearse")
    assert done.code == 0, done.stderr
    assert stands(found) == (found.image(), [found.image()], [FIRST], ["kept", "new"]), "on the live one it ran once"
