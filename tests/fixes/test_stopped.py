"""MIG212, MIG805 and MIG806 on a real engine: a start that fails, a server on another version's data, their fixes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.cases.shop import Shop
from tests.engine.sandbox import Sandbox
from tests.fixes.state import replace, type_it
from tests.kit import migops

pytestmark = pytest.mark.engine

T = TypeVar("T")

FAILS = "    command: [sh, -c, 'echo \"ValueError: no canary1\" >&2; exit 3']\n    restart: always\n"
RUNS = "    command: [sleep, '600']\n"
COMPOSE = (
    "services:\n  app:\n    build: .\n    init: true\n    environment: {TOKEN_SECRET: canary1}\n    depends_on: [db]\n"
    f"{FAILS}  db:\n    image: postgres:15\n    environment: {{POSTGRES_PASSWORD: kept-here-5}}\n    init: true\n"
    "    volumes: ['data:/var/lib/postgresql/data']\nvolumes: {data: {}}\n"
)
DOCKERFILE = "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT []\n"


def findings(shop: Shop, sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    words = ("doctor", "app", "--select", "MIG212", "--select", "MIG805", "--select", "MIG806", "--format", "json")
    found = migops(*words, cwd=shop.folder, env=sandbox.env)
    assert found.stdout, found.stderr
    assert "canary1" not in found.stdout
    return {each["rule"]: each for each in found.json["findings"]}


def between_two_starts(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The findings if all are there, and the application waits for its next start; else nothing."""
    if not {"MIG212", "MIG805", "MIG806"} <= found.keys():
        return {}
    return found if found["MIG212"]["facts"]["state"] == "restarting" else {}


def until(get: Callable[[], T]) -> T:
    """The first answer that is true."""
    deadline = time.monotonic() + 300
    while not (answer := get()):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return answer


def test_what_does_not_stay_up_and_how_it_is_fixed(sandbox: Sandbox) -> None:
    shop = Shop.at(sandbox.path).line("a1").write("Dockerfile", DOCKERFILE).write("compose.yaml", COMPOSE)
    sandbox.compose("build", "-q", "app", cwd=shop.folder)
    sandbox.compose("up", "-d", "db", cwd=shop.folder)
    data = Path(sandbox.docker("volume", "inspect", "-f", "{{.Mountpoint}}", f"{sandbox.name}_data").strip())
    # Over TCP it answers only once its first start is over: until then the shell that starts it would end with a code.
    ready = ("exec", f"{sandbox.name}-db-1", "pg_isready", "-h", "127.0.0.1")
    until(lambda: "accepting" in sandbox.docker(*ready, check=False))
    assert findings(shop, sandbox) == {}
    sandbox.compose("stop", "db", cwd=shop.folder)
    assert findings(shop, sandbox) == {}, "all of it was stopped"
    (data / "PG_VERSION").write_text("14\n")
    sandbox.compose("up", "-d", cwd=shop.folder)
    # Of one reading, and not of a moment in which it runs: it has no exit code then.
    found = until(lambda: between_two_starts(findings(shop, sandbox)))
    assert "ValueError: no ***" in found["MIG212"]["cause"]
    assert found["MIG212"]["facts"]["exit_code"] == 3
    assert "database files are incompatible with server" in found["MIG805"]["cause"]
    assert "the data of db is of PostgreSQL 14, and its image is PostgreSQL 15" in found["MIG806"]["message"]

    (data / "PG_VERSION").write_text("15\n")  # as an image of version 14 would find it
    type_it(found["MIG806"]["remedy"][1]["command"], shop.folder, sandbox.env)
    until(lambda: "MIG805" not in findings(shop, sandbox))
    look, up = (step["command"] for step in found["MIG212"]["remedy"])
    assert "ValueError" in type_it(look, shop.folder, sandbox.env)
    replace("compose.yaml", FAILS, RUNS)(shop)
    type_it(up, shop.folder, sandbox.env)
    until(lambda: findings(shop, sandbox) == {})
