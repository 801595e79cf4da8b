"""The start in a sandbox project on the real engine: the live project is not touched, and nothing is left."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migops.commands.fix import start
from migops.commands.fix.model import FileEdit, Fix
from migops.commands.fix.start import Outcome, StartResult, starts
from migops.compose import ComposeOptions
from migops.core.redaction import scope
from migops.docker.client import connect
from migops.sandbox import owned
from migops.target import Wanted, resolve
from tests.cases.shop import INI, Shop
from tests.engine.sandbox import Sandbox
from tests.fix_compose.kit import evidence_of, fix_of

pytestmark = pytest.mark.engine
SECRET = "canary-8c1f"
DOCKERFILE = 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD ["python", "-u", "main.py"]\n'
MAIN = """\
import os, socket, time
print("url", os.environ["DATABASE_URL"])
socket.create_connection(("db", 5432)).close()
try:
    open("/data/made", "w").close()
except OSError as error:
    print(error)
time.sleep(300)
"""
COMPOSE = f"""\
services:
  app:  # the shop
    build: .
    container_name: NAME-shop
    ports: ["127.0.0.1::8000"]
    restart: "no"
    environment: {{DATABASE_URL: "postgresql://shop:{SECRET}@db:5432/shop", PRICE: "$$5"}}
    volumes: ["./data:/data", "kept:/kept"]
    depends_on:
      - db
  db:
    image: postgres:15
    environment: {{POSTGRES_USER: shop, POSTGRES_PASSWORD: {SECRET}}}
    volumes: ["./pg:/var/lib/postgresql/data"]
    labels: {{traefik.enable: "true"}}
volumes:
  kept: {{name: NAME-kept}}
"""


@pytest.fixture
def shop(sandbox: Sandbox, engine_environ: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(start, "RUNNING", 3.0)
    made = Shop(sandbox.path).line("001").write("alembic.ini", INI).write("migrations/env.py", "")
    made.write("Dockerfile", DOCKERFILE).write(".dockerignore", "data\npg\n").write("main.py", MAIN)
    made.write("compose.yaml", COMPOSE.replace("NAME", sandbox.name))
    (sandbox.path / "data").mkdir()
    yield made
    assert left_over() == []


def left_over() -> list[str]:
    """What this process's sandboxes have left in the engine."""
    with connect() as engine:
        mine = {owned.LABEL: owned.labels()[owned.LABEL]}
        found: list[Any] = [each["Names"] for each in engine.containers(mine)]
        found += [each["Name"] for each in owned.making.networks(engine, owned.LABEL) if is_mine(each)]
        found += [each["Name"] for each in owned.making.volumes(engine, owned.LABEL) if is_mine(each)]
        return found + [each["RepoTags"] for each in engine.images() if is_mine(each) and each.get("RepoTags")]


def is_mine(each: dict[str, Any]) -> bool:
    return (each.get("Labels") or {}).get(owned.LABEL) == owned.labels()[owned.LABEL]


def state(sandbox: Sandbox) -> list[Any]:
    """What must not change: the containers, since when they run, the networks and volumes."""
    ids = sandbox.compose("ps", "-aq").split()
    described = json.loads(sandbox.docker("inspect", *ids)) if ids else []
    others = sandbox.docker("volume", "ls", "-q", "--filter", f"name={sandbox.name}")
    return [sorted((each["Id"], each["State"]["StartedAt"]) for each in described), others]


def started(shop: Shop, name: str, *edits: FileEdit) -> StartResult:
    with scope():
        return _started(shop, name, *edits)


def _started(shop: Shop, name: str, *edits: FileEdit) -> StartResult:
    options = ComposeOptions(project_name=name)
    target = resolve(Wanted(service="app", command="doctor"), options, {}, shop.folder)
    evidence = evidence_of(shop, options)
    for edit in edits:
        assert edit.after is not None
        edit.path.write_bytes(edit.after)
    with connect() as engine:
        return starts(target, evidence, engine, edits)


def edit_of(shop: Shop, file: str, old: str, new: str) -> FileEdit:
    path: Path = shop.folder / file
    before = path.read_bytes()
    assert old.encode() in before
    return FileEdit(path, before, before.replace(old.encode(), new.encode()))


def test_a_good_edit_starts_beside_the_running_project(shop: Shop, sandbox: Sandbox) -> None:
    sandbox.compose("up", "-d", "--build")
    before = state(sandbox)
    fix = fix_of(shop, "MIG801", ComposeOptions(project_name=sandbox.name))
    assert isinstance(fix, Fix)
    result = started(shop, sandbox.name, *fix.edits)
    assert result.outcome is Outcome.STARTED, result
    assert "ran for 3 s (it has no health check)" in result.message
    assert state(sandbox) == before
    assert not any((shop.folder / "data").iterdir()) or (shop.folder / "data/made").stat().st_size == 0


def test_a_broken_edit_is_told_and_a_start_that_failed_before_is_not_blamed_on_it(shop: Shop, sandbox: Sandbox) -> None:
    alone = f"services:\n  app:  # the shop\n    build: .\n    environment: {{PASSWORD: {SECRET}}}\n"
    shop.write("compose.yaml", alone).write("main.py", "import os, time\ntime.sleep(300)\n")
    sandbox.compose("build", "app")
    broken = edit_of(shop, "main.py", "time.sleep(300)", "raise SystemExit('pw ' + os.environ['PASSWORD'])")
    result = started(shop, sandbox.name, broken)
    assert result.outcome is Outcome.FAILED
    assert "app ended with code 1; without the edit it starts" in result.message
    assert any("pw ***" in line for line in result.log), result.log
    assert SECRET not in repr(result)
    sandbox.compose("build", "app")  # now the image that is there does not start either
    result = started(shop, sandbox.name, edit_of(shop, "compose.yaml", "# the shop", "# our shop"))
    assert result.outcome is Outcome.UNCHANGED
    assert "with the edit as without it" in result.message


def test_a_one_shot_service_that_the_edit_adds_runs_first(shop: Shop, sandbox: Sandbox) -> None:
    alembic = "RUN printf '#!/bin/sh\\necho migrated\\n' > /usr/bin/alembic && chmod +x /usr/bin/alembic\n"
    shop.write("Dockerfile", DOCKERFILE.replace("CMD", f"{alembic}CMD"))
    shop.write("main.py", "import os, time\ntime.sleep(300)\n")
    command = 'sh -c "alembic upgrade head && exec python -u main.py"'
    shop.write("compose.yaml", f"services:\n  app:\n    build: .\n    command: {command}\n")
    sandbox.compose("build", "app")
    fix = fix_of(shop, "MIG602", ComposeOptions(project_name=sandbox.name))
    assert isinstance(fix, Fix), fix
    result = started(shop, sandbox.name, *fix.edits)
    assert result.outcome is Outcome.STARTED, result


def test_an_interrupt_leaves_nothing(shop: Shop, sandbox: Sandbox) -> None:
    sandbox.compose("build", "app")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(KeyboardInterrupt):
            started(shop, sandbox.name)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_is_not_tried(shop: Shop, sandbox: Sandbox) -> None:
    assert "not on this machine" in started(shop, sandbox.name).message
    for old, new, reason in (
        ('restart: "no"', "network_mode: host", "network_mode: host"),
        ("@db:5432", "@db.example.com:5432", "not a service of this project"),
        ('["./data:/data"', '["/var/run/docker.sock:/var/run/docker.sock"', "what runs on this machine"),
    ):
        compose = (shop.folder / "compose.yaml").read_text()
        shop.write("compose.yaml", compose.replace(old, new))
        result = started(shop, sandbox.name)
        assert (result.outcome, reason in result.message) == (Outcome.NOT_TRIED, True), result
        shop.write("compose.yaml", compose)
