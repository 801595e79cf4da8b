"""Projects that are not laid out as in the book: each thing that can be set otherwise, in as few stacks as can be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.deploy.stack import CREATE, PRICE, Stack, edit, quick, things
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine

ENV_PY = '''"""Alembic's environment: an async engine, and a version table in a schema of its own."""

import asyncio
import os

from alembic import context
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from models import Base


def migrate(connection):
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS ops"))
    context.configure(connection=connection, target_metadata=Base.metadata, version_table_schema="ops")
    with context.begin_transaction():
        context.run_migrations()


async def main():
    engine = create_async_engine(os.environ["DATABASE_URL"])
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
'''
OVER = """services:
  app:
    container_name: {name}-web
    profiles: [web]
    working_dir: /srv
    command: python /app/main.py
    volumes: ["./notes:/srv"]
    environment:
      PYTHONPATH: /app
      NOTE: "${{NOTE:?must be set}} $$HOME"
    x-migops: {{heads: many, working-dir: /app}}
"""
BRANCHES = {"c00000000001": "left", "c00000000002": "right"}


def plugin(box: Sandbox) -> Path:
    """The compose plugin's own file, which is all that a standalone docker-compose is."""
    found = json.loads(box.docker("info", "-f", "{{json .ClientInfo.Plugins}}"))
    return Path(next(each["Path"] for each in found if each["Name"] == "compose"))


def test_everything_said_otherwise(sandbox: Sandbox) -> None:
    """A folder with a space; files, profile and variables by option or by `.env`; asyncpg; a version table in a schema;
    several heads that are meant; a name and a working directory of the service's own; docker-compose standing alone."""
    project = example("clean", sandbox.path / "with space")
    flags = ("-f", "compose.yaml", "-f", "over.yaml", "--env-file", "prod.env", "--profile", "web")
    found = Stack(sandbox, project, sandbox.path / "state", flags)
    sandbox.seldom(project / "compose.yaml")
    quick(project / "compose.yaml")
    edit(project / "compose.yaml", "postgresql+psycopg", "postgresql+asyncpg")
    (project / "migrations/env.py").write_text(ENV_PY)
    (project / "requirements.txt").write_text("alembic\nsqlalchemy[asyncio]\nasyncpg\n")
    (project / "over.yaml").write_text(OVER.format(name=sandbox.name))
    (project / "prod.env").write_text("NOTE=from the file\n")
    (project / "notes").mkdir()
    for revision, label in BRANCHES.items():
        text = f'op.create_table("{label}", sa.Column("id", sa.Integer()))'
        found.write(revision, PRICE, text, head=f'branch_labels = ("{label}",)')

    tools = sandbox.path / "tools"
    tools.mkdir()
    (tools / "docker-compose").symlink_to(plugin(sandbox))
    (tools / "docker").write_text("#!/bin/sh\necho \"fake: docker: 'compose' is not a docker command.\" >&2; exit 1\n")
    (tools / "docker").chmod(0o755)
    alone = {"PATH": f"{tools}:{os.environ['PATH']}"}
    done = found.deploy("--cache", env=alone)
    assert done.code == 0, done.stderr
    assert "docker-compose -f compose.yaml" in done.stderr
    assert done.json["revisions"]["after"] == sorted(BRANCHES)
    assert found.query("select version_num from ops.alembic_version order by 1").split() == sorted(BRANCHES)
    assert found.query("select count(*) from pg_tables where tablename in ('left', 'right')") == "2"
    assert sandbox.docker("inspect", "-f", "{{.Config.WorkingDir}}", f"{sandbox.name}-web").strip() == "/srv"

    (project / ".env").write_text("COMPOSE_FILE=compose.yaml:over.yaml\nCOMPOSE_PROFILES=web\nNOTE=from the file\n")
    found.write("c00000000003", "c00000000001", 'op.add_column("left", sa.Column("x", sa.Integer()))')
    plain = Stack(sandbox, project, sandbox.path / "state")
    again = plain.deploy("--cache")
    assert again.code == 0, again.stderr
    assert again.json["revisions"]["after"] == ["c00000000002", "c00000000003"]
    assert found.running() == [found.image()]


def test_flask_migrate_and_services_of_one_build(sandbox: Sandbox) -> None:
    """Flask-Migrate; one more service of the same build, which needs none of its own, and one with other arguments."""
    found = Stack(sandbox, example("flask-migrate", sandbox.path), sandbox.path / "state")
    sandbox.seldom(found.project / "compose.yaml")
    quick(found.project / "compose.yaml")
    text = (found.project / "compose.yaml").read_text()
    app = text[text.index("  app:\n") : text.index("  db:\n    image")]
    other = app.replace("build: .", "build: {context: ., args: {FLAVOUR: other}}")
    more = app.replace("  app:", "  worker:") + other.replace("  app:", "  other:")
    (found.project / "compose.yaml").write_text(text.replace("  db:\n    image", more + "  db:\n    image"))
    done = found.deploy("--cache", "app")
    assert (done.code, done.json["revisions"]["after"]) == (0, [CREATE]), done.stderr
    assert "Alembic is called by `flask db`" in done.stderr
    assert "docker compose build app other" in done.stderr
    image = found.image()
    assert found.running() == found.running("worker") == [image], "one build, one image"
    assert found.running("other") == [found.image(f"{sandbox.name}-other")]


def test_old_compose_is_refused_before_anything_changes(sandbox: Sandbox) -> None:
    """Fakes that say an old version: docker without the plugin, and docker-compose 1.29."""
    found = Stack(sandbox, example("clean", sandbox.path), sandbox.path / "state")
    tools = sandbox.path / "tools"
    tools.mkdir()
    for name, text in (("docker", "exit 1"), ("docker-compose", "echo 1.29.2")):
        (tools / name).write_text(f"#!/bin/sh\n# a fake\n{text}\n")
        (tools / name).chmod(0o755)
    before = things(sandbox)
    refused = found.deploy(env={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert refused.code == 2, refused.stderr
    assert "docker-compose 1.29.2 cannot be deployed with" in refused.stderr
    assert things(sandbox) == before
    assert not found.state.exists()
