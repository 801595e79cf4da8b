"""Databases that only the application's container reaches, on a real engine; nothing there is changed by asking."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from migops.compose import ComposeOptions, load
from migops.core.model import Unknown
from migops.docker import connect
from migops.sources.database import read_database
from migops.sources.database_question import Question
from migops.sources.database_state import SETTINGS
from migops.sources.database_url import Sought
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import until
from tests.kit import Result, example, migops

pytestmark = pytest.mark.engine

CANARY = "kAn4ry-s3cret"
FIRST, SECOND = "3f1c0a7be210", "a94d5e61c8f3"
URL = f"postgresql+asyncpg://shop:{CANARY}@localhost:5432/shop"
DEPENDS = "    depends_on:\n      db:\n        condition: service_healthy\n"


def shop(box: Sandbox) -> Path:
    """The clean example with its application in the network of the database, which it calls localhost."""
    project = example("clean", box.path)
    compose = project / "compose.yaml"
    text = compose.read_text().replace("only-for-this-example", CANARY)
    text = text.replace("postgresql+psycopg", "postgresql+asyncpg").replace("@db:5432", "@localhost:5432")
    compose.write_text(text.replace(DEPENDS, f"    network_mode: service:db\n{DEPENDS}", 1))
    (project / "requirements.txt").write_text("alembic\nsqlalchemy[asyncio]\nasyncpg\npsycopg2-binary\n")
    box.compose("up", "-d", "--build", "--wait", cwd=project)
    return project


def status(box: Sandbox, project: Path, *more: str) -> Result:
    found = migops("status", *more, "--format", "json", cwd=project, env=box.env)
    assert CANARY not in found.stdout + found.stderr
    return found


def execute(box: Sandbox, project: Path, *statements: str) -> None:
    words = ("exec", "-T", "db", "psql", "-U", "shop", "-d", "shop", "-qc", "; ".join(statements))
    box.compose(*words, cwd=project)


def database(found: Result) -> str:
    """Why the database is unknown."""
    return next(line for line in found.json["missing"] if line.startswith("database: "))


def test_asked_from_inside(sandbox: Sandbox) -> None:
    project = shop(sandbox)
    name = f"{sandbox.name}-app-1"
    execute(
        sandbox, project, "CREATE TABLE product (id INT)", "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        f"INSERT INTO alembic_version VALUES ('{FIRST}')", "CREATE SCHEMA tenant",
        "CREATE TABLE tenant.alembic_version (version_num VARCHAR(32))",
    )  # fmt: skip
    before = sandbox.docker("diff", name)
    found = status(sandbox, project)
    assert sandbox.docker("diff", name) == before, "not a file, and none of Python's either"
    assert (found.json["state"], found.json["current"], found.json["pending"]) == ("behind", [FIRST], [SECOND])
    said = found.json["database"]
    assert (said["address"], said["tables"]) == (f"asked from inside {name}", 1)
    assert said["server"].startswith("PostgreSQL 15")
    assert [rule for rule in found.rules if rule.startswith("MIG4")] == ["MIG402", "MIG408"]
    text = migops("status", cwd=project, env=sandbox.env).stdout
    assert f"asked from inside {name}" in " ".join(text.split())

    by_a_name_that_only_the_container_knows(sandbox, project, name)
    other_drivers(sandbox, project)
    refusals(sandbox, project, name)
    an_sqlite_file_in_the_container(sandbox, project, name)
    no_python_there(sandbox, project)

    sandbox.compose("stop", "-t", "1", "app", cwd=project)
    stopped = status(sandbox, project, "--fail-on", "error")
    assert stopped.code == 3
    assert "no bind mount makes it available here; no container of app is running" in database(stopped)
    assert "docker compose up -d --no-deps app" in database(stopped)


def by_a_name_that_only_the_container_knows(box: Sandbox, project: Path, name: str) -> None:
    """It is tried from here first; and over the network, unlike on loopback, the password counts."""
    compose = project / "compose.yaml"
    text = compose.read_text()
    alone = box.compose("ps", "-q", "db", cwd=project)[:12]
    compose.write_text(text.replace("@localhost:5432", f"@{alone}:5432"))
    found = status(box, project)
    assert found.json["current"] == [FIRST], found.json["missing"]
    assert found.json["database"]["address"] == f"asked from inside {name}"
    execute(box, project, f"ALTER USER shop PASSWORD '{CANARY}-changed'")
    refused = database(status(box, project, "--fail-on", "error"))
    assert f"asked from inside {name}: " in refused
    assert "password authentication failed" in refused
    execute(box, project, f"ALTER USER shop PASSWORD '{CANARY}'")
    compose.write_text(text)


def other_drivers(box: Sandbox, project: Path) -> None:
    """A sync one, and a URL that names none."""
    compose = project / "compose.yaml"
    text = compose.read_text()
    for scheme in ("postgresql+psycopg2", "postgresql", "postgres"):
        compose.write_text(text.replace("postgresql+asyncpg", scheme))
        assert status(box, project).json["current"] == [FIRST], scheme
    compose.write_text(text)


def refusals(box: Sandbox, project: Path, name: str) -> None:
    """What stands in the way there is said beside what does here, and waited for no longer than --timeout."""
    lock = "BEGIN; LOCK TABLE alembic_version; SELECT pg_sleep(600)"
    words = ("exec", "-d", "db", "psql", "-U", "shop", "-d", "shop", "-c", lock)
    box.docker("compose", "--project-directory", str(project), *words)
    sleeping = "FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND wait_event = 'PgSleep'"
    asked = ("exec", "-T", "db", "psql", "-U", "shop", "-d", "shop", "-Atc", f"SELECT count(*) {sleeping}")
    until(lambda: box.compose(*asked, cwd=project).strip() == "1", "it has the lock")
    locked = database(status(box, project, "--fail-on", "error"))
    execute(box, project, f"SELECT pg_terminate_backend(pid) {sleeping}")
    assert "localhost means, in the service app, its own container" in locked
    assert f"asked from inside {name}: " in locked
    assert "lock timeout" in locked
    compose = project / "compose.yaml"
    text = compose.read_text()
    compose.write_text(text.replace("@localhost:5432/shop", "@localhost:5432/none"))
    assert 'database "none" does not exist' in database(status(box, project, "--fail-on", "error"))
    compose.write_text(text)


def an_sqlite_file_in_the_container(box: Sandbox, project: Path, name: str) -> None:
    compose = project / "compose.yaml"
    lines = compose.read_text().splitlines()
    url = "      DATABASE_URL: sqlite+aiosqlite:///data/shop.db"
    lines = [url if "DATABASE_URL" in line else line for line in lines]
    compose.write_text("\n".join(lines) + "\n")
    absent = status(box, project, "--fail-on", "error")
    assert f"there is no SQLite file /app/data/shop.db in {name} yet" in database(absent)
    sql = f"create table alembic_version (version_num); insert into alembic_version values ('{SECOND}')"
    make = f"import os, sqlite3; os.mkdir('data'); sqlite3.connect('data/shop.db').executescript({sql!r})"
    box.compose("exec", "-T", "app", "python", "-c", make, cwd=project)
    before = box.docker("diff", name)
    found = status(box, project)
    assert (found.json["state"], found.json["current"]) == ("up to date", [SECOND])
    assert found.json["database"]["url"] == "sqlite:///data/shop.db"
    assert box.docker("diff", name) == before


def no_python_there(box: Sandbox, project: Path) -> None:
    """Asked from inside the container of PostgreSQL itself, which has none."""
    model = load(ComposeOptions(), environment=box.env, cwd=str(project))
    with connect(environment=box.env) as engine:
        asked = Question(
            project=model, service=model.services["db"], settings=dict.fromkeys(SETTINGS, ""), engine=lambda: engine
        )
        found = read_database(asked, Sought(URL, "by hand"))
    assert isinstance(found, Unknown)
    assert f"asked from inside {shlex.quote(box.name)}-db-1: it has no Python to read it with" in found.reason
