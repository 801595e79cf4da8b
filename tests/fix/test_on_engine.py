"""``doctor --fix`` on the real engine: the edited files are built and started in a sandbox project; else put back."""

from __future__ import annotations

import pytest

from tests.cases.shop import ENV, INI, Shop
from tests.engine.sandbox import Sandbox
from tests.fix.test_run import READS_ALL, tree
from tests.kit import Result, git, migops

pytestmark = pytest.mark.engine
STARTS = 'import time\nopen("/tmp/ready", "w").close()\ntime.sleep(300)\n'
NEEDS_IT = 'open("." + "env").close()\n' + STARTS
HEALTH = "    healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, timeout: 30s, retries: 100}\n"
"""So that a slow machine is waited for, and a container that has ended is not taken for one that runs."""


@pytest.fixture
def shop(sandbox: Sandbox, engine_environ: None, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("XDG_STATE_HOME", str(sandbox.path.parent / f"{sandbox.name}-state"))
    shop = Shop(sandbox.path).line("001").write("alembic.ini", f"{INI}x = 5%\n")
    shop.write("migrations/env.py", ENV + READS_ALL)
    shop.write("Dockerfile", 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD ["python", "main.py"]\n')
    shop.write("models.py", "class Base: ...\n").write("main.py", STARTS).write(".env", "A=1\n")
    shop.write("compose.yaml", f"name: {sandbox.name}\nservices:\n  app:\n    build: .\n{HEALTH}")
    shop.write(".gitignore", ".env\n")
    shop.committed()
    sandbox.compose("build", "-q")
    return shop


def doctor(shop: Shop, *words: str) -> Result:
    return migops("doctor", *words, cwd=shop.folder, env={})


def test_what_starts_stays(shop: Shop) -> None:
    found = doctor(shop, "--fix", "--yes")
    assert found.code == 0, found.stdout + found.stderr
    assert git(shop.folder, "diff", "--name-only").splitlines() == ["alembic.ini"]
    assert (shop.folder / ".dockerignore").read_text() == "**/.env\n"
    assert "docker compose accepts the project" in found.stdout
    assert "app started in a sandbox project and is healthy" in found.stdout
    assert "not tried" not in found.stdout
    log = migops("log", cwd=shop.folder, env={})
    assert "doctor --fix MIG501 MIG106" in " ".join(log.stdout.split())  # a narrow terminal breaks the line


def test_what_does_not_start_is_put_back(shop: Shop) -> None:
    shop.write("main.py", NEEDS_IT)
    before = tree(shop)
    found = doctor(shop, "--fix", "MIG106", "--yes")
    assert found.code == 6, found.stdout + found.stderr
    assert "does not start with the edit" in found.stderr
    assert tree(shop) == before
