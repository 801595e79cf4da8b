"""`migops log` on a real PostgreSQL: what it tells of past runs, of who holds a lock, and how a forgotten one ends."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migops.database.postgres.session import lock_key
from migops.docker import connect
from migops.state import journal, state_folder
from migops.state.lock import host_lock
from tests.faults.test_database import Shop
from tests.kit import Result, migops

pytestmark = pytest.mark.engine


@pytest.fixture
def shop(sandbox: object) -> Shop:
    return Shop(sandbox)  # type: ignore[arg-type]


def log(shop: Shop, *arguments: str) -> Result:
    return migops("log", *arguments, cwd=shop.project, env={**shop.box.env, "COLUMNS": "200"})


def folder(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's state folder."""
    for name, value in shop.box.env.items():
        monkeypatch.setenv(name, value)
    with connect() as engine:
        return state_folder.folder(engine, shop.box.name)


def killed(where: Path) -> int:
    """A run that is killed while it migrates; its process, which has gone."""
    code = f"""
from pathlib import Path; import os, signal
from migops.state import journal
with journal.begin(Path({str(where)!r}), "alembic upgrade", ["-x", "a=***", "upgrade", "head"]) as log:
    log.note("alembic", "started", container="migops-0123456789ab", rows=[])
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.Popen((sys.executable, "-c", code))
    process.wait()
    return process.pid


@contextmanager
def held(shop: Shop, name: str) -> Iterator[None]:
    """Somebody's session that has the lock."""
    with shop.session() as session:
        session.execute(f"SET application_name = '{name}'")
        session.execute("SELECT pg_advisory_lock(%s)", (lock_key("shop", "", "alembic_version"),))
        yield


def test_runs_locks_and_a_lock_that_nobody_needs(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = log(shop)
    assert (nothing.code, "no runs on" in nothing.stdout) == (0, True)
    assert nothing.stdout.count("not held") == 3
    where = folder(shop, monkeypatch)
    with journal.begin(where, "backup", ["app"]):
        pass
    pid = killed(where)
    host = socket.gethostname()

    with held(shop, f"migops alembic upgrade {pid}@{host}"):
        text = log(shop)
        assert text.code == 0
        assert re.search("done, exit 0 +backup app", text.stdout), text.stdout
        assert re.search(r"CUT OFF +alembic -x a=\*\*\* upgrade head", text.stdout), text.stdout
        assert f"process {pid} died after 'alembic' was started" in text.stdout
        assert "its process IS GONE: migops log --unlock" in text.stdout
        steps = log(shop, "2").stdout
        assert "alembic: started" in steps
        assert "migops-0123456789ab" in steps
        document = log(shop, "--format", "json").json
        assert [(run["run"], run["outcome"], run["cut_off"]) for run in document["runs"]] == [
            (1, "done", False), (2, "interrupted", True),
        ]  # fmt: skip
        assert document["locks"]["host"] is None
        assert document["locks"]["database"]["holder"]["process_alive"] is False

        refused = log(shop, "--unlock")
        assert (refused.code, "migops log --unlock app --yes" in refused.stderr) == (5, True)
        ended = log(shop, "--unlock", "--yes")
        assert ended.code == 0, ended.stderr
        assert f"its process, {pid} on this machine, is gone" in ended.stdout
    assert [run.command for run in journal.runs(where)][-1] == "log --unlock"
    assert "not held" in log(shop, "--unlock", "--yes").stdout

    with held(shop, f"migops alembic upgrade {os.getpid()}@{host}"):
        lives = log(shop, "--unlock", "--yes")
        assert (lives.code, f"kill -INT {os.getpid()}" in lives.stderr) == (4, True)
    with held(shop, "migops alembic upgrade 7@elsewhere"):
        refused = log(shop, "--unlock")
        assert (refused.code, "its process is 7 on elsewhere; whether it is running" in refused.stdout) == (5, True)
    with host_lock(where, "rebuild-and-migrate app"):
        lives = log(shop, "--unlock", "--yes")
        assert (lives.code, "`rebuild-and-migrate app` by " in lives.stderr) == (4, True)
        assert "`rebuild-and-migrate app` by " in log(shop).stdout
    assert log(shop, "99").code == 2

    shop.box.compose("stop", "-t", "0", "db", cwd=shop.project)
    shown = log(shop)
    assert (shown.code, "unknown: the container of the service db is exited" in shown.stdout) == (0, True)
    assert log(shop, "--unlock", "--yes").code == 3
