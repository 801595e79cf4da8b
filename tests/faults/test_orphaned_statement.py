"""A migration's client is killed, and the server goes on with its statement: nothing is started beside it, or judged.

For every driver: libpq's take PGAPPNAME; asyncpg and pg8000 do not, so their sessions are known by what was noted.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.stack import PRICE, Stack, edit, quick
from tests.engine import layout
from tests.engine.sandbox import Sandbox
from tests.examples.test_alembic import alembic
from tests.examples.test_alembic import begin as begin_alembic
from tests.faults.deploying import begin, deploy, ended, until
from tests.kit import Result, example

pytestmark = pytest.mark.engine

MONEY = "b00000000001"
STATEMENT = "WITH s AS MATERIALIZED (SELECT pg_sleep(seconds) FROM pause) UPDATE money SET n = n * 2 FROM s"
AT_IT = "select pid from pg_stat_activity where state = 'active' and query like 'WITH s AS MAT%'"
ENV = '''"""By the driver that a file names."""

import asyncio
import os
from pathlib import Path

from alembic import context
from sqlalchemy import create_engine, pool
from sqlalchemy.ext.asyncio import create_async_engine

driver = Path("migrations/driver").read_text()
url = os.environ["DATABASE_URL"].replace("+psycopg", f"+{driver}")


def migrate(connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def run() -> None:
    async with create_async_engine(url, poolclass=pool.NullPool).connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()


if driver == "asyncpg":
    asyncio.run(run())
else:
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        migrate(connection)
'''


def pg8000() -> Path:
    """A folder with pg8000 and all that it needs, which is Python alone."""

    def download(new: Path) -> None:
        words = ("-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--dest={new}", "pg8000")
        subprocess.run((sys.executable, *words), check=True, capture_output=True, text=True)

    return layout.made(layout.cache() / "pg8000", download)


def four_drivers(box: Sandbox, driver: str) -> Stack:
    """The clean example with every driver, whose migration doubles what is in a table, after a pause that is in one."""
    found = Stack(box, example("clean", box.path), box.path / "state")
    box.seldom(found.project / "compose.yaml")
    quick(found.project / "compose.yaml")
    shutil.copytree(pg8000(), found.project / "wheels")
    (found.project / "requirements.txt").write_text(
        "alembic\nsqlalchemy[asyncio]\npsycopg[binary]\npsycopg2-binary\nasyncpg\npg8000\n"
    )
    edit(found.project / "Dockerfile", "RUN pip install", "COPY wheels /wheels\nRUN pip install --find-links /wheels")
    (found.project / "migrations/env.py").write_text(ENV)
    use(found, driver)
    found.up()
    found.compose("exec", "-T", "app", "alembic", "upgrade", "head")
    found.query("create table money (n int); insert into money values (100)")
    found.query("create table pause (seconds int); insert into pause values (600)")
    found.write(MONEY, PRICE, f'with op.get_context().autocommit_block():\n        op.execute("{STATEMENT}")')
    return found


def use(found: Stack, driver: str) -> None:
    (found.project / "migrations/driver").write_text(driver)


def at_work(found: Stack) -> str:
    """The number of the session that is at the migration's statement; '' where none is."""
    return found.query(AT_IT)


def money(found: Stack) -> str:
    return found.query("select n from money")


def noted(found: Stack) -> list[dict[str, Any]]:
    """The sessions that the last run's journal has."""
    path = max(found.state.glob("migops/*/*/journal/*.jsonl"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["session"] for line in lines if "session" in line]


def until_noted(found: Stack) -> str:
    """Wait until the migration is at its statement, and what the journal then has at once."""
    until(lambda: at_work(found), "it migrates", 300)
    pid = at_work(found)
    until(lambda: pid in [str(each["pid"]) for each in noted(found)], "its session is noted", 10)
    return pid


def ends(found: Stack, commands: Sequence[Sequence[str]]) -> None:
    """The command ends the session, typed as it is printed, and nothing was committed."""
    typed = subprocess.run(commands[0], cwd=found.project, env=found.env, capture_output=True, text=True, check=True)
    assert typed.stdout.split()[2] == "t", typed
    until(lambda: not at_work(found), "the session has ended")
    assert money(found) == "100"


def refused(found: Stack, result: Result, pid: str) -> None:
    assert result.code == 7, result.stderr
    assert f"though the run has gone: pid {pid}" in result.stderr
    assert at_work(found) == pid


def upgrade(found: Stack, *words: str) -> Result:
    return alembic(found.box, found.project, *words, "upgrade", "head", XDG_STATE_HOME=str(found.state))


def test_a_deploy(sandbox: Sandbox) -> None:
    found = four_drivers(sandbox, "psycopg2")
    container = f"migops-{sandbox.name}-migrate"

    running = begin(found)  # its container alone is killed: "as it was" would be said of what commits a minute later
    pid = until_noted(found)
    sandbox.docker("kill", container)
    done = ended(running)
    assert (done.code, done.json["outcome"]) == (7, "operator"), done.stderr
    assert (
        "Alembic has ended with code 137; yet the database server still works on its statement" in done.json["message"]
    )
    refused(found, deploy(found), pid)
    ends(found, done.json["commands"])

    for driver in ("psycopg", "asyncpg", "pg8000"):
        use(found, driver)
        running = begin(found, "--repeat", MONEY)  # the user has looked: nothing of it is there
        pid = until_noted(found)
        running.kill()
        running.communicate()
        sandbox.docker("kill", container)
        (session,) = noted(found)
        assert bool(session["application"]) is (driver == "psycopg"), driver
        beside = deploy(found)
        refused(found, beside, pid)
        refused(found, upgrade(found), pid)
        ends(found, beside.json["error"]["commands"])

    found.query("update pause set seconds = 0")
    unasked = deploy(found)
    assert unasked.code == 7, "whether a killed statement has committed is not known"
    done = deploy(found, "--repeat", MONEY)
    assert done.code == 0, done.stderr
    assert (money(found), found.rows()) == ("200", [MONEY])


OWN = "import asyncio, asyncpg, os; url = os.environ['DATABASE_URL'].replace('+psycopg', '')\n\
async def run():\n    await (await asyncpg.connect(url)).execute('select pg_sleep(600)')\n\
asyncio.run(run())"


@pytest.mark.parametrize("driver", ["asyncpg", "pg8000"])
def test_alembic_in_a_container_that_the_application_shares(sandbox: Sandbox, driver: str) -> None:
    """Only the migration's own session is taken for it, though the application connects from the same address."""
    found = four_drivers(sandbox, driver)
    found.up()
    running = begin_alembic(found.box, found.project, "upgrade", "head", XDG_STATE_HOME=str(found.state))
    until(lambda: at_work(found), "it migrates", 300)
    with subprocess.Popen(
        ("docker", "compose", "exec", "-T", "app", "python", "-c", OWN), cwd=found.project, env=found.env
    ) as own:
        sleeping = "select pid from pg_stat_activity where query = 'select pg_sleep(600)'"
        until(lambda: found.query(sleeping), "the application is at its statement")
        pid, other = until_noted(found), found.query(sleeping)
        running.kill()
        running.communicate()
        top = sandbox.docker("top", f"{sandbox.name}-app-1").splitlines()
        for line in top:
            if "alembic upgrade" in line:
                os.kill(int(line.split()[1]), signal.SIGKILL)
        beside = upgrade(found)
        refused(found, beside, pid)
        assert [str(each["pid"]) for each in noted(found)] == [pid]
        typed = [line.strip() for line in beside.stderr.splitlines() if "pg_terminate_backend" in line]
        assert len(typed) == 1, beside.stderr
        assert f"pid = {pid} AND backend_start = '" in typed[0]
        ends(found, [("sh", "-c", typed[0])])
        assert found.query(sleeping) == other
        found.query(f"select pg_terminate_backend({other})")
        assert own.wait(180) != 0
    found.query("update pause set seconds = 0")
    assert upgrade(found).code == 7, "whether a killed statement has committed is not known"
    done = upgrade(found, f"--repeat={MONEY}")
    assert done.code == 0, done.stderr
    assert (money(found), found.rows()) == ("200", [MONEY])
