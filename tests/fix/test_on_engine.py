"""``doctor --fix`` on the real engine: the edited files are built and started in a sandbox project; else put back."""

from __future__ import annotations

import pytest

from migops.commands.fix import start
from tests.cases.shop import ENV, INI, Shop
from tests.engine.sandbox import Sandbox
from tests.fix.test_run import READS_ALL, tree
from tests.kit import Result, git, migops

pytestmark = pytest.mark.engine
STARTS = "import time\ntime.sleep(300)\n"
NEEDS_IT = 'import time\nopen("." + "env").close()\ntime.sleep(300)\n'


@pytest.fixture
def shop(sandbox: Sandbox, engine_environ: None, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(start, "RUNNING", 1.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(sandbox.path.parent / f"{sandbox.name}-state"))
    shop = (
        Shop(sandbox.path)
        .line("001")
        .write("alembic.ini", f"{INI}x = 5%\n")
        .write("migrations/env.py", ENV + READS_ALL)
    )
    shop.write("Dockerfile", 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD ["python", "main.py"]\n')
    shop.write("models.py", "class Base: ...\n").write("main.py", STARTS).write(".env", "A=1\n").write(
        "compose.yaml", ""
    )
    shop.write("compose.yaml", f"name: {sandbox.name}\nservices:\n  app:\n    build: .\n").write(".gitignore", ".env\n")
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
    assert "the application starts in a sandbox project" in found.stdout
    assert "not tried" not in found.stdout
    log = migops("log", cwd=shop.folder, env={})
    assert "doctor --fix MIG501 MIG106" in log.stdout


def test_what_does_not_start_is_put_back(shop: Shop) -> None:
    shop.write("main.py", NEEDS_IT)
    before = tree(shop)
    found = doctor(shop, "--fix", "MIG106", "--yes")
    assert found.code == 6, found.stdout + found.stderr
    assert "does not start with the edit" in found.stderr
    assert tree(shop) == before
