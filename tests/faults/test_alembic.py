"""FAULTS.md 20, 21, 28, 34, 35 and 41 for `migops alembic upgrade`: locks, who is in the way, who migrates as well."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.engine import debian, layout
from tests.engine.proxy import Proxy
from tests.engine.sandbox import Sandbox
from tests.examples.test_alembic import CREATE, PRICE, alembic, begin, own, query
from tests.kit import Result, example, migops

pytestmark = pytest.mark.engine

CANARY = f"kAn4ry-{secrets.token_hex(4)}"  # nobody else's: all processes of the machine are searched for it
SLOW = "c00000000001"
SCRIPT = f'''"""Slow: as long as a test holds the advisory lock 7, where migops runs it"""

from alembic import op

revision = "{SLOW}"
down_revision = "{PRICE}"


def upgrade() -> None:
    op.execute("""do $$ begin
        while current_setting('application_name') like 'migops-%'
            and exists (select 1 from pg_locks where locktype = 'advisory' and objid = 7)
        loop perform pg_sleep(0.1); end loop; end $$""")
    op.execute("create table half as select current_setting('lock_timeout') l, current_setting('work_mem') w")


def downgrade() -> None:
    op.execute("drop table half")
'''
INDEX = f'''"""Index"""

from alembic import op

revision = "c00000000002"
down_revision = "{PRICE}"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("create index concurrently prices on product (price)")
'''
ASYNC = """import asyncio
import os

from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine


def migrate(connection) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def run() -> None:
    async with create_async_engine(os.environ["DATABASE_URL"].replace("+psycopg", "+asyncpg")).connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()


asyncio.run(run())
"""


class Stack:
    """The clean example with a canary for its password, built and started."""

    def __init__(self, box: Sandbox, *, slow: bool = False, async_: bool = False) -> None:
        self.box, self.project = box, example("clean", box.path)
        compose = self.project / "compose.yaml"
        box.seldom(compose)
        more = "    environment:\n      PGOPTIONS: -c work_mem=7MB\n      DATABASE_URL"
        text = compose.read_text().replace("    environment:\n      DATABASE_URL", more)
        compose.write_text(text.replace("only-for-this-example", CANARY))
        if slow:
            script = self.project / f"migrations/versions/{SLOW}_slow.py"
            script.write_text(SCRIPT)
        if async_:
            (self.project / "migrations/env.py").write_text(ASYNC)
            (self.project / "requirements.txt").write_text("alembic\nsqlalchemy[asyncio]\nasyncpg\n")
        box.compose("build", "-q", cwd=self.project)
        box.compose("up", "-d", "--wait", cwd=self.project)
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        self.address = box.docker("inspect", "-f", form, f"{box.name}-db-1").strip()

    @property
    def url(self) -> str:
        return f"postgresql://shop:{CANARY}@{self.address}/shop"

    @contextmanager
    def session(self, name: str = "psql") -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.url, application_name=name, autocommit=True) as connection:
            yield connection

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """The slow migration is at its statement as long as this lasts."""
        with self.session("a test") as session:
            session.execute("SELECT pg_advisory_lock(7)")
            yield

    def rows(self) -> list[str]:
        with self.session() as session:
            return sorted(row for (row,) in session.execute("SELECT version_num FROM alembic_version"))

    def terminate(self, like: str) -> int:
        """End the server's sessions of a name; how many there were."""
        with self.session() as session:
            text = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE %s"
            return int(session.execute(text, (like,)).fetchall()[0][0])

    def sleeps(self) -> bool:
        """Whether the slow migration is at its statement."""
        with self.session() as session:
            text = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
            return bool(session.execute(f"{text} AND state = 'active'").fetchall()[0][0])

    def sleeping(self) -> int:
        """The number of the session that is at the slow migration."""
        with self.session() as session:
            text = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
            return int(session.execute(text).fetchall()[0][0])

    def waits(self, kind: str) -> bool:
        """Whether a session waits for a lock of this kind."""
        with self.session() as session:
            text = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = %s"
            return bool(session.execute(text, (kind,)).fetchall()[0][0])

    def journal(self) -> list[dict[str, Any]]:
        """The last line of each run's journal, the oldest run first."""
        return [json.loads(path.read_text().splitlines()[-1]) for path in self.journals()]

    def journals(self) -> list[Path]:
        return sorted((self.box.path.parent / "state").glob("migops/*/*/journal/*.jsonl"))


def wait_for(true: Callable[[], bool], seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.1)


def gave_up(result: Result, blocker: int, first: str) -> None:
    """It ended with 6, said from the start who was in the way, and how to end that."""
    assert result.code == 6, result.stderr
    assert f"the database is as it was, at {first}" in result.stderr
    who = rf"pid {blocker} \(psql\), user shop from [\d.]+"
    named = rf"in the way: {who}, idle in transaction for 00:0\d:\d\d: SELECT 'mine'"
    assert re.search(named, result.stderr), result.stderr
    assert f"SELECT pg_terminate_backend({blocker})" in result.stderr
    said = "\n".join(own(result))
    assert "migops: nothing was applied; attempt 3 of 3 in " in said
    assert "migops: the migration waits for AccessExclusiveLock on product, held by " in said
    assert CANARY not in result.stderr


@pytest.mark.parametrize("async_", [False, True], ids=["psycopg-in-a-one-off", "asyncpg-in-the-container"])
def test_28_a_lock_that_someone_holds(sandbox: Sandbox, async_: bool) -> None:
    """Who has it is named, it gives up after retries, nothing is applied, and afterwards it works.

    asyncpg has neither PGOPTIONS nor PGAPPNAME: there the watch finds the session by its address, and cancels it.
    """
    stack = Stack(sandbox, async_=async_)
    assert alembic(sandbox, stack.project, "upgrade", CREATE).code == 0
    if not async_:
        sandbox.compose("stop", "-t", "0", "app", cwd=stack.project)
    options = ("--lock-timeout", "1.5", "upgrade", "head")
    with stack.session() as someone:
        someone.autocommit = False
        someone.execute("SELECT 'mine' FROM product")
        gave_up(alembic(sandbox, stack.project, *options), someone.info.backend_pid, CREATE)
    assert stack.rows() == [CREATE]
    assert [line["exit"] for line in stack.journal()] == [0, 6]
    assert alembic(sandbox, stack.project, *options).code == 0
    assert stack.rows() == [PRICE]
    if not async_:
        an_index_waits_for_old_transactions(stack, options)


def an_index_waits_for_old_transactions(stack: Stack, options: Sequence[str]) -> None:
    """CREATE INDEX CONCURRENTLY holds up nobody while it waits, and would leave an invalid index: it is left alone."""
    (stack.project / "migrations/versions/c00000000002_index.py").write_text(INDEX)
    stack.box.compose("build", "-q", "app", cwd=stack.project)
    with stack.session() as someone:
        someone.autocommit = False
        someone.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        someone.execute("SELECT 'old' FROM product")
        running = begin(stack.box, stack.project, *options)
        wait_for(lambda: stack.waits("virtualxid"))
        time.sleep(3)
        assert stack.waits("virtualxid")
        someone.rollback()
    _, err = running.communicate(timeout=180)
    assert running.returncode == 0, err
    assert "the migration waits for older transactions to end, held by pid " in err
    assert stack.rows() == ["c00000000002"]


def test_20_21_34_two_runs_and_a_lock_that_is_lost(sandbox: Sandbox) -> None:
    stack = Stack(sandbox, slow=True)
    with stack.held_up():
        running = begin(sandbox, stack.project)
        wait_for(stack.sleeps)
        second = alembic(sandbox, stack.project, "upgrade", "head")
        assert (second.code, second.stdout) == (4, "")
        assert f"`alembic upgrade` by root@{_hostname()}, process {running.pid}" in second.stderr
        elsewhere = str(sandbox.path.parent / "another-host")
        third = alembic(sandbox, stack.project, "upgrade", "head", XDG_STATE_HOME=elsewhere)
        assert (third.code, third.stdout) == (4, "")
        assert f"of {sandbox.name} on the engine: `alembic upgrade` by root@{_hostname()}, process {running.pid}" in (
            third.stderr
        )
        sandbox.docker("rm", f"migops-{sandbox.name}-lock")  # pruned: the database's own lock is still there
        fourth = alembic(sandbox, stack.project, "upgrade", "head", XDG_STATE_HOME=elsewhere)
        assert (fourth.code, fourth.stdout) == (4, "")
        assert f"migops alembic upgrade {running.pid}@{_hostname()} (pid " in fourth.stderr
        assert stack.sleeps(), "the first is not disturbed"

        assert stack.terminate("migops alembic upgrade %") == 1
        out, err = running.communicate(timeout=180)
        assert running.returncode == 6, err
        assert "is lost" in err
        assert "Alembic was stopped, because another run could have begun. The database is as it was" in err
        assert not stack.sleeps(), "the statement has ended on the server as well"
        assert query(sandbox, stack.project, "select count(*) from pg_tables where tablename = 'half'") == "0"
        assert [line["exit"] for line in stack.journal()] == [6], "who was locked out has nothing to write down"
        for said in (second.stderr, third.stderr, fourth.stderr, out + err):
            assert CANARY not in said

        by_hand = ("exec", "-e", "PGAPPNAME=migops-by-hand", "-T", "app", "alembic", "upgrade", "head")
        words = ("docker", "compose", *by_hand)
        with subprocess.Popen(words, cwd=stack.project, env=sandbox.env, stderr=subprocess.DEVNULL):
            try:
                wait_for(stack.sleeps)
                refused = alembic(sandbox, stack.project, "upgrade", "head")
            finally:  # it would sleep on, and the test with it
                ended = stack.terminate("migops-by-hand")
        assert (refused.code, refused.stdout) == (4, ""), refused.stderr
        assert f"Alembic is already running in {sandbox.name}-app-1, started by hand" in refused.stderr
        assert ended == 1


def test_the_secret_is_nowhere(sandbox: Sandbox) -> None:
    """Not in what a command says of a database that it reaches or not, nor in a journal, nor in the process list.

    What -x hands to env.py is the user's own secret on the command line; it is written down nowhere.
    """
    stack = Stack(sandbox, slow=True)
    seen: set[str] = set()

    def processes() -> bool:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        return stack.sleeps()

    with stack.held_up():
        running = begin(sandbox, stack.project, "-x", "token=x-s3cret", "upgrade", "head")
        wait_for(processes)
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, err
    with stack.session() as session:
        settings = session.execute("SELECT * FROM half").fetchall()
    assert settings == [("5s", "7MB")], "what the service sets stays beside what is added"
    assert any("alembic -x token=" in line for line in seen), "the processes were seen"
    assert not [line for line in seen if CANARY in line]

    said = {"alembic upgrade": out + err}
    with stack.session() as session:
        session.execute(f"ALTER USER shop PASSWORD '{CANARY}-changed'")
    reached = f"postgresql://shop:{CANARY}-changed@{stack.address}/shop"
    for env in ({}, {"MIGOPS_DATABASE_URL": reached}):
        for words in (
            "status -v", "status --format json", "alembic current", "alembic upgrade head", "alembic --yes stamp base",
            "log", "log 1", "log --format json", "log --unlock",
        ):  # fmt: skip
            done = migops(*words.split(), cwd=stack.project, env={**sandbox.env, **env})
            assert done.code != 70, done.stderr
            said[f"{words} {[*env]}"] = done.stdout + done.stderr
    assert "password authentication failed" in said["alembic upgrade head []"]
    journals = "".join(path.read_text() for path in stack.journals())
    assert "token=***" in journals
    for name, text in {**said, "the journals": journals}.items():
        assert CANARY not in text, f"{name}: {text}"
        assert "x-s3cret" not in text, f"{name}: {text}"


def test_41_someone_migrates_beside_us(sandbox: Sandbox, engine_proxy: Callable[[None], Proxy]) -> None:
    """By hand, past the lock. And where the engine loses sight of what runs, that is not taken for its end."""
    stack = Stack(sandbox, slow=True)
    assert alembic(sandbox, stack.project, "upgrade", PRICE).code == 0
    with stack.held_up():
        running = begin(sandbox, stack.project)
        wait_for(stack.sleeps)
        sandbox.compose("exec", "-T", "app", "alembic", "upgrade", "head", cwd=stack.project)
    _, err = running.communicate(timeout=180)
    assert running.returncode == 7, err
    assert f"the database went from {PRICE} to {SLOW}: someone else has migrated it meanwhile" in err
    assert "migops status app" in err
    assert stack.journal()[-1]["outcome"] == "operator"

    assert alembic(sandbox, stack.project, "--yes", "downgrade", PRICE).code == 0
    with stack.held_up(), stack.session() as someone:
        running = begin(sandbox, stack.project)
        wait_for(stack.sleeps)
        someone.execute("INSERT INTO alembic_version VALUES ('ffff')")
    _, err = running.communicate(timeout=180)
    assert running.returncode == 7, err
    assert f"should have left it at {SLOW}: someone else has changed it meanwhile" in err

    with stack.session() as someone:
        someone.execute("DELETE FROM alembic_version WHERE version_num = 'ffff'")
    assert alembic(sandbox, stack.project, "--yes", "downgrade", PRICE).code == 0
    between = engine_proxy(None)
    with stack.held_up():
        running = begin(sandbox, stack.project, DOCKER_HOST=between.host)
        wait_for(stack.sleeps)
        between.close()
        _, err = running.communicate(timeout=180)
        assert running.returncode == 7, err
        assert "migops can no longer see how it continues" in err
        assert f", and on the database server as pid {stack.sleeping()}; the database is at: {PRICE}" in err
        refused = alembic(sandbox, stack.project, "upgrade", "head")
        assert (refused.code, "though the run has gone: pid" in refused.stderr) == (7, True)
    wait_for(lambda: stack.rows() == [SLOW])


def test_35_a_pooler_in_between(sandbox: Sandbox) -> None:
    """A real PgBouncer before the server: two could hold the same lock, so nothing is run, and it is said why."""
    stack = Stack(sandbox)
    with pgbouncer(sandbox, stack.address) as address:
        through = f"postgresql://shop:{CANARY}@{address}:6432/shop"
        refused = alembic(sandbox, stack.project, "upgrade", "head", MIGOPS_DATABASE_URL=through)
    assert (refused.code, refused.stdout) == (2, ""), refused.stderr
    assert "a pooler (PgBouncer or the like) stands before postgresql://shop@" in refused.stderr
    assert "database-url: URL" in refused.stderr
    assert CANARY not in refused.stderr
    with stack.session() as session:
        assert not session.execute("SELECT to_regclass('alembic_version')").fetchall()[0][0]
    assert stack.journal() == []


@contextmanager
def pgbouncer(box: Sandbox, server: str) -> Iterator[str]:
    """Debian's PgBouncer in transaction mode before the shop's database, as a container; its address."""

    def unpack(new: Path) -> None:
        debian.require()
        new.mkdir()
        debian.unpack("bookworm", ["pgbouncer", "libevent-2.1-7", "libc-ares2"], new / "root")

    unpacked = layout.made(layout.cache() / "pgbouncer-bookworm", unpack)
    context = box.path / "pgbouncer"
    shutil.copytree(unpacked / "root", context / "root", symlinks=True)
    (context / "pgbouncer.ini").write_text(
        f"[databases]\nshop = host={server} port=5432 user=shop password={CANARY}\n"
        "[pgbouncer]\nlisten_addr = 0.0.0.0\nlisten_port = 6432\nauth_type = any\npool_mode = transaction\n"
    )
    (context / "Dockerfile").write_text(
        "FROM postgres:15\nCOPY root/usr /usr\nCOPY pgbouncer.ini /\nUSER postgres\nENTRYPOINT []\n"
        'CMD ["/usr/sbin/pgbouncer", "/pgbouncer.ini"]\n'
    )
    name = f"{box.name}-pgbouncer"
    box.build(context, box.tag("pgbouncer"))
    box.docker("run", "-d", "--name", name, "--network", f"{box.name}_default", box.tag("pgbouncer"))
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = box.docker("inspect", "-f", form, name).strip()

    def answers() -> bool:
        try:
            psycopg.connect(f"postgresql://shop:{CANARY}@{address}:6432/shop", connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    wait_for(answers)
    yield address


def _hostname() -> str:
    return subprocess.run(("hostname",), capture_output=True, text=True, check=True).stdout.strip()
