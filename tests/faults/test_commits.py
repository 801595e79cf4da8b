"""Cases 03 and 11: what a migration commits past its own transaction is known, and never applied a second time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import warm
from tests.deploy.stack import PASSWORD, PRICE, Stack, edit, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import begin, deploy, session, until
from tests.kit import Result

pytestmark = pytest.mark.engine

REV = "c00000000003"
DOUBLE = "update money set n = n * 2"
URL = f"postgresql://shop:{PASSWORD}@db:5432/shop"
HOWS = f'''
import pathlib, subprocess, sys, time

DOUBLE = "{DOUBLE}"
URL = "{URL}"


def side():
    with op.get_bind().engine.begin() as c:
        c.execute(sa.text(DOUBLE))


def aside(text):
    with op.get_bind().engine.begin() as c:
        c.execute(sa.text(text))


def function():
    aside("select generate_invoices()")


def view():
    aside("select * from v_bump")


def foreign():
    aside("select пересчёт()")


def mention():
    aside(DOUBLE + " where exists (select 1 from alembic_version)")


def function_block():
    with op.get_context().autocommit_block():
        op.execute("select current_bump()")


def mention_block():
    with op.get_context().autocommit_block():
        op.execute(DOUBLE + " /* see alembic_version */")


def comment_block():
    with op.get_context().autocommit_block():
        op.execute("/* a /* b */ select 1 */ " + DOUBLE)


def second():
    with sa.create_engine(URL.replace(":", "+psycopg2:", 1)).begin() as c:
        c.execute(sa.text(DOUBLE))


def block():
    with op.get_context().autocommit_block():
        op.execute(DOUBLE)


def file():
    op.execute(pathlib.Path("/app/migrations/fix.sql").read_text())


def raw():
    c = op.get_bind().connection
    c.cursor().execute(DOUBLE)
    c.commit()


def driver():
    import psycopg

    with psycopg.connect(URL) as c:
        c.execute(DOUBLE)


def program():
    text = "import psycopg, sys\\nwith psycopg.connect(sys.argv[1]) as c: c.execute(sys.argv[2])"
    subprocess.run([sys.executable, "-I", "-c", text, URL, DOUBLE], check=True)


def ordinary():
    with op.get_context().autocommit_block():
        found = sa.inspect(op.get_bind())
        assert found.has_table("money")
        assert found.get_columns("money") and not found.get_indexes("money") and not found.get_foreign_keys("money")
        assert found.get_enums() == []
        for text in ("select version()", "select current_schema()", "show server_version"):
            op.execute(text)
        op.execute("select version_num from alembic_version")
    op.execute("set transaction isolation level serializable")
    with op.get_bind().begin_nested():
        op.execute(DOUBLE)
    op.execute("do $$ begin perform 1; end $$")
    op.execute(DOUBLE)


def slow():
    block()
    op.execute("select pg_sleep(600)")


def slow_whole():
    op.execute(DOUBLE)
    op.execute("select pg_sleep(600)")
'''
BODY = """globals()[op.get_bind().execute(sa.text("select how from how")).scalar()]()
    raise RuntimeError("boom")"""
ASYNC = """
import asyncio
import os

from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine


def migrate(connection):
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def run():
    url = os.environ["DATABASE_URL"].replace("+psycopg", "+asyncpg")
    async with create_async_engine(url).connect() as connection:
        await connection.run_sync(migrate)


asyncio.run(run())
"""


def made(box: Sandbox, *, is_async: bool = False) -> Stack:
    """The example, with a revision to come that doubles the money by the way that a row says, and then fails."""
    found = stack(box)
    (found.project / "requirements.txt").write_text(
        "alembic\nsqlalchemy[asyncio]\nasyncpg\npsycopg[binary]\npsycopg2-binary\n"
    )
    (found.project / "migrations/fix.sql").write_text(f"{DOUBLE};\ncommit;\n")
    found.write(REV, PRICE, BODY, head=HOWS)
    if is_async:
        (found.project / "migrations/env.py").write_text(ASYNC)
    # Once a minute it would analyse what the application writes, which is a commit that nobody here has made.
    found.query("alter system set autovacuum = off")
    found.query("select pg_reload_conf()")
    found.query("create table money (n bigint); insert into money values (100)")
    found.query("create table how (how text); insert into how values ('')")
    for name in ("generate_invoices", "current_bump", "пересчёт"):
        found.query(f"create function {name}() returns int language plpgsql as $$ begin {DOUBLE}; return 1; end $$")
    found.query("create view v_bump as select current_bump()")
    return found


def alembic(found: Stack, *words: str) -> Result:
    done = warm.run((sys.executable, "-m", "migops", "alembic", *words), cwd=found.project, env=found.env, timeout=180)
    return Result(done.returncode, done.stdout, done.stderr)


def put(found: Stack, how: str) -> None:
    found.query(f"update how set how = '{how}'; update money set n = 100")


def money(found: Stack) -> int:
    return int(found.query("select n from money"))


@contextmanager
def writes(found: Stack) -> Iterator[None]:
    """An application that commits some 50 times a second beside all this."""
    stop = threading.Event()

    def write() -> None:
        with session(found, "the application") as one:
            one.autocommit = True
            while not stop.wait(0.02):
                one.execute("insert into written values (1)")

    found.query("create table written (n int)")
    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def volumes(found: Stack) -> str:
    return found.box.docker("volume", "ls", "-q", "--filter", f"name=migops-{found.box.name}-trace")


def until_asleep(found: Stack) -> None:
    asleep = (
        "select count(*) from pg_stat_activity where query like 'select pg_sleep(600)%' and pid <> pg_backend_pid()"
    )
    until(lambda: found.query(asleep) == "1", "it sleeps")


def killed_asleep(found: Stack) -> None:
    """Kill a deploy while it sleeps in its migration, with its container and its session."""
    running = begin(found, "--no-backup")
    until_asleep(found)
    running.kill()
    running.communicate()
    found.box.docker("kill", f"migops-{found.box.name}-migrate")
    end_session(found)


def end_session(found: Stack) -> None:
    found.query("select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep(600)%'")


def killed(found: Stack, how: str, amount: int) -> None:
    """A deploy that was killed while it slept in its migration, with its container and its session."""
    put(found, how)
    killed_asleep(found)
    assert money(found) == amount


KILL = "for p in /proc/[0-9]*; do if grep -q up[g]rade $p/cmdline; then kill -9 ${p#/proc/}; fi; done 2>/dev/null; true"


def killed_alembic(found: Stack, *, in_one_off: bool) -> None:
    """The same of `migops alembic upgrade`."""
    put(found, "slow")
    words = (sys.executable, "-m", "migops", "alembic", "upgrade", "head")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with warm.Popen(words, cwd=found.project, env=found.env, **quiet) as running:  # type: ignore[call-overload]
        until_asleep(found)
        running.kill()
    if in_one_off:
        project = f"label=com.docker.compose.project={found.box.name}"
        ids = found.box.docker("ps", "-q", "--filter", project, "--filter", "label=migops.oneoff").split()
        found.box.docker("kill", *ids)
    else:
        found.compose("exec", "-T", "app", "sh", "-c", KILL)
    end_session(found)
    assert money(found) == 200


def test_03_what_was_committed_is_known_and_not_repeated(sandbox: Sandbox) -> None:
    found = made(sandbox)
    with writes(found):
        put(found, "ordinary")
        whole = deploy(found, "--no-backup")
        assert (whole.code, whole.json["outcome"]) == (6, "failed"), whole.stderr
        assert f"the database is at {PRICE}, as it was" in whole.json["message"]
        assert money(found) == 100

        put(found, "file")
        part = deploy(found, "--no-backup")
        assert (part.code, part.json["outcome"]) == (7, "operator"), part.stderr
        assert "1 transaction of it committed apart from the version table: `update money set n" in part.json["message"]
        assert f"--repeat {REV}" in part.json["hint"]
        again = deploy(found, "--no-backup")
        assert again.code == 7, again.stderr
        assert f"{REV} would be run again" in again.stderr
        words = again.json["error"]["commands"][-1]
        assert words == ["migops", "rebuild-and-migrate", "--repeat", REV, "app"]
        by_alembic = alembic(found, "upgrade", "head")  # the image is the old one, which has no such revision
        assert by_alembic.code == 0, by_alembic.stderr
        assert money(found) == 200
        assert deploy(found, "--no-backup", "--repeat", "nonesuch").code == 2

        put(found, "driver")
        unknown = deploy(found, "--no-backup", "--repeat", REV)
        assert unknown.code == 7, unknown.stderr
        assert "whether part of the revision stays is not known" in unknown.json["message"]
        assert money(found) == 200

        put(found, "ordinary")
        edit(found.project / "compose.yaml", "    build: .\n", "    build: .\n    x-migops: {entrypoint: keep}\n")
        kept = deploy(found, "--no-backup", "--repeat", REV)
        assert (kept.code, money(found)) == (7, 100), kept.stderr
        assert "what the entrypoint that x-migops keeps has done is not traced" in kept.json["message"]
    kept = deploy(found, "--no-backup", "--repeat", REV)
    assert kept.code == 6, f"nobody at all has committed\n{kept.stderr}"
    assert volumes(found) == ""


@pytest.mark.parametrize("is_async", [False, True], ids=["psycopg-in-the-container", "asyncpg-in-a-one-off"])
def test_03_by_alembic(sandbox: Sandbox, is_async: bool) -> None:
    found = made(sandbox, is_async=is_async)
    found.compose("build", "-q", "app")
    if is_async:
        found.compose("stop", "-t", "0", "app")
    else:
        found.compose("up", "-d", "--wait", "app")
    unknown = ["raw", "function_block"] if is_async else ["driver", "program"]
    certain = ["side", "block", "view", "comment_block", "mention_block"] if is_async else ["second", "file"]
    certain += [] if is_async else ["function", "foreign", "mention"]
    with writes(found):
        for how in [*certain, *unknown]:
            put(found, how)
            part = alembic(found, "--repeat", REV, "upgrade", "head")
            assert (part.code, money(found)) == (7, 200), f"{how}: {part.stderr}"
            says = "whether a part of it stays is not known" if how in unknown else "a part of it stays: 1 "
            assert says in part.stderr, part.stderr
        stopped = alembic(found, "upgrade", "head")
        assert (stopped.code, money(found)) == (7, 200), stopped.stderr
        assert f"migops alembic --repeat={REV} upgrade head" in stopped.stderr
        put(found, "ordinary")
        for words in (("--repeat", REV), ()):
            whole = alembic(found, *words, "upgrade", "head")
            assert (whole.code, money(found)) == (1, 100), whole.stderr
            assert f"the database is as it was, at {PRICE}" in whole.stderr
        killed_alembic(found, in_one_off=is_async)
        by_hand = alembic(found, "upgrade", "head")
        assert (by_hand.code, money(found)) == (7, 200), by_hand.stderr
        assert f"{REV} would be run again: run" in by_hand.stderr
        assert "has committed a part of it (1 statement" in by_hand.stderr
        put(found, "ordinary")
        assert alembic(found, "--repeat", REV, "upgrade", "head").code == 1
    assert volumes(found) == ""
    if not is_async:
        assert "migops" not in found.compose("exec", "-T", "app", "ls", "/dev/shm")


def test_11_killed_after_it_has_committed(sandbox: Sandbox) -> None:
    found = made(sandbox)
    with writes(found):
        killed(found, "slow_whole", 100)
        put(found, "ordinary")
        on = deploy(found, "--no-backup")
        assert on.code == 6, "nothing was committed, so the next run goes on\n" + on.stderr
        killed(found, "slow", 200)
        for _ in range(2):
            stopped = deploy(found, "--no-backup")
            assert stopped.code == 7, stopped.stderr
            assert f"{REV} would be run again: run 3 has committed a part of it (1 statement" in stopped.stderr
        assert money(found) == 200
    edit(found.project / f"migrations/versions/{REV}_{REV}.py", BODY, "pass")
    done = deploy(found, "--no-backup", "--repeat", REV)
    assert done.code == 0, done.stderr
    assert (found.rows(), money(found), volumes(found)) == ([REV], 200, "")
