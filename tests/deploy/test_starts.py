"""An image that migrates whenever it starts: deployed where that is proved to do nothing, refused everywhere else."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from tests import warm
from tests.deploy.stack import PRICE, Stack, edit, quick, things
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import until
from tests.kit import example

pytestmark = pytest.mark.engine

NEXT = "b00000000001"
SICK = """    healthcheck:
      test: ["CMD", "test", "!", "-e", "/app/sick"]
      interval: 1s
      retries: 1
"""
"""The new image has the file and never becomes healthy."""


def test_a_start_with_nothing_left_to_do(sandbox: Sandbox) -> None:
    found = Stack(sandbox, example("migrating-entrypoint", sandbox.path), sandbox.path / "state")
    quick(found.project / "compose.yaml")
    found.write(NEXT, PRICE, "op.execute(\"insert into product (title) values ('new')\")")
    edit(found.project / "entrypoint.sh", "alembic upgrade head\nexec", "alembic upgrade head && exec")
    taken = found.deploy("--cache")
    assert taken.code == 0, taken.stderr
    said = " ".join(taken.stderr.split())
    assert "app migrates at every start: `alembic upgrade head`" in said
    assert "it will find nothing left to do" in said
    assert (found.rows(), found.running()) == ([NEXT], [found.image()])
    until(lambda: "main.py" in found.compose("top", "app"), "its start has migrated and come to the application")
    assert found.query("select count(*) from product") == "1", "what the script does was done once"

    before = things(sandbox)
    edit(found.project / "entrypoint.sh", "alembic upgrade head", "export PGDATABASE=other\nalembic upgrade head")
    refused = found.deploy("--cache")
    assert (refused.code, things(sandbox)) == (5, before), refused.stderr
    assert "entrypoint.sh:3 of the host" in " ".join(refused.stderr.split())
    assert "the start sets PGDATABASE before it" in " ".join(refused.stderr.split())
    edit(found.project / "entrypoint.sh", "export PGDATABASE=other\nalembic upgrade head", "alembic stamp head")
    stamps = found.deploy("--dry-run")
    assert stamps.code == 5
    assert "entrypoint.sh:2 of the host" in " ".join(stamps.stderr.split())
    assert "app runs Alembic's stamp at every start: `alembic stamp head`" in " ".join(stamps.stderr.split())
    accepted = found.deploy("--dry-run", "--accept-migrating-entrypoint")
    assert accepted.code == 0, accepted.stderr


def test_on_the_way_back_it_is_stopped_or_the_migration_is_taken_back(sandbox: Sandbox) -> None:
    found = Stack(sandbox, example("migrating-entrypoint", sandbox.path), sandbox.path / "state")
    quick(found.project / "compose.yaml", SICK)
    edit(found.project / "entrypoint.sh", "alembic upgrade head\nexec", "alembic upgrade head && exec")
    found.up()
    until(lambda: found.query("select to_regclass('product')"), "its first start has migrated")
    found.query("insert into product (title) values ('kept')")
    old = found.running()
    found.write(NEXT, PRICE, "op.execute(\"insert into product (title) values ('new')\")",
                "op.execute(\"delete from product where title = 'new'\")")  # fmt: skip
    (found.project / "sick").write_text("")

    stopped = found.deploy("--cache")
    assert stopped.code == 7, stopped.stderr
    notes = " ".join(stopped.stderr.split())
    assert "the old containers of app are not started, and the new ones are stopped" in notes
    assert "must not restart between the first committed revision and its swap" in notes
    assert "app is stopped: its old start runs `alembic upgrade head`" in stopped.json["message"]
    assert "/app/entrypoint.sh:2 of the old image" in stopped.json["message"]
    assert (found.running(), found.rows(), found.image()) == ([], [NEXT], old[0])

    (restore,) = [each for each in stopped.json["commands"] if "restore" in each]
    assert warm.run([sys.executable, "-m", *restore, "--yes"], cwd=found.project, env=found.env).returncode == 0
    (start,) = re.findall(r"`(docker compose [^`]*up [^`]*)`", stopped.json["hint"])
    subprocess.run(shlex.split(start), cwd=found.project, env=found.env, check=True)
    assert (found.running(), found.rows()) == (old, [PRICE])

    returned = found.deploy("--cache", "--on-failure", "downgrade")
    assert returned.code == 6, returned.stderr
    assert "the migration is taken back first" in " ".join(returned.stderr.split())
    assert (found.running(), found.rows(), found.query("select title from product")) == (old, [PRICE], "kept")
