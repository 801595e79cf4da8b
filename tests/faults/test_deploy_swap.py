"""FAULTS.md 36, 37 and 43 for the deploy: the new application does not come up, and what leads on from there."""

from __future__ import annotations

import sys

import pytest

from tests import warm
from tests.deploy.stack import PRICE, Stack, edit, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import deploy, end, noted, stands, until
from tests.kit import Result

pytestmark = pytest.mark.engine

FIRST, SECOND = "b00000000001", "b00000000002"
SICK = """    healthcheck:
      test: ["CMD", "test", "!", "-e", "/app/sick"]
      interval: 1s
      retries: 1
"""


def run(found: Stack, command: list[str]) -> Result:
    """A command as it was printed."""
    words = [sys.executable, "-m", *command] if command[0] == "migops" else command
    done = warm.run(words, cwd=found.project, env=found.env)
    return Result(done.returncode, done.stdout, done.stderr)


def test_36_37_it_does_not_become_healthy(sandbox: Sandbox) -> None:
    found = stack(sandbox, more=SICK)
    before = stands(found)
    shown = found.deploy("--dry-run")
    assert "the image that runs now stays" in shown.json["steps"][0]["why"]
    assert "not proved" not in " ".join(shown.json["notes"]), "a healthy container proves its image"
    sick = found.project / "sick"
    sick.write_text("")

    # nothing to migrate: all is as it was
    failed = deploy(found)
    assert (failed.code, failed.json["outcome"]) == (6, "failed"), failed.stderr
    assert f"{sandbox.name}-app-1 is unhealthy" in failed.json["message"]
    assert stands(found) == before
    assert noted(found)[-2:] == ["build:undone", "keep:undone"]

    # the database has moved on, and may not be taken back unasked
    found.write(FIRST, PRICE, "op.execute(\"insert into product (title) values ('new')\")",
                "op.execute(\"delete from product where title = 'new'\")")  # fmt: skip
    moved = deploy(found)
    assert (moved.code, moved.json["outcome"]) == (7, "operator"), moved.stderr
    said = f"the old containers run, and the database has moved on from {PRICE} to {FIRST}"
    assert said in moved.json["message"]
    assert stands(found) == (before[0], before[1], [FIRST], ["kept", "new"])
    commands = moved.json["commands"]
    assert not [each for each in commands if "downgrade" in each], "the old image has no script for it"
    assert ["migops", "rebuild-and-migrate", "app"] in commands
    assert end(found)["commands"] == commands
    for each in commands:
        assert " ".join(each) in moved.stderr + moved.stdout or each[0] == "migops"

    # no way down: the old containers are brought back all the same
    found.write(SECOND, FIRST, "pass")
    script = found.project / f"migrations/versions/{SECOND}_{SECOND}.py"
    edit(script, "def downgrade() -> None:\n    pass\n", "")
    stuck = deploy(found, "--on-failure", "downgrade")
    assert (stuck.code, stuck.json["outcome"]) == (7, "operator"), stuck.stderr
    assert f"the database cannot be downgraded: {SECOND} without a downgrade" in stuck.json["message"]
    assert f"the database is at {SECOND}" in stuck.json["message"]
    assert stands(found) == (before[0], before[1], [SECOND], ["kept", "new"])

    # 37: it cannot be gone back either, for compose fails; the printed commands do it
    broken = "mv compose.yaml away.yaml"
    lost = deploy(found, at={"containers:failed": broken, "build:undone": "true"})
    assert (lost.code, lost.json["outcome"]) == (7, "operator"), lost.stderr
    assert "undoing the step keep failed" in lost.json["message"]
    (found.project / "away.yaml").rename(found.project / "compose.yaml")
    assert end(found)["commands"] == lost.json["commands"]
    assert found.running() != before[1]
    for each in lost.json["commands"]:
        assert run(found, each).code == 0, each
    assert stands(found)[1:] == (before[1], [SECOND], ["kept", "new"])

    # 37: the old image is gone
    remove = f"docker rm -f {sandbox.name}-app-1; docker rmi -f {before[0]}"
    gone = deploy(found, at={"containers:failed": remove})
    assert (gone.code, gone.json["outcome"]) == (7, "operator"), gone.stderr
    assert f"the old image {before[0][:19]} is gone from the engine" in gone.json["hint"]
    assert not [each for each in gone.json["commands"] if before[0] in each], "no command that cannot work"
    assert end(found)["commands"] == gone.json["commands"]
    sick.unlink()
    done = deploy(found)
    assert done.code == 0, done.stderr
    assert stands(found) == (found.image(), [found.image()], [SECOND], ["kept", "new"])


def test_43_a_migrating_entrypoint(sandbox: Sandbox) -> None:
    """Nothing of it runs unless that is said, where it is not proved to do nothing; then it is said what it means, and
    the deploy works all the same."""
    found = stack(sandbox, "migrating-entrypoint", migrated=False)
    until(lambda: found.query("select to_regclass('product')"), "its first start has migrated")
    found.query("insert into product (title) values ('kept')")
    before = stands(found)
    assert before[2] == [PRICE]
    found.write(FIRST, PRICE, "op.execute(\"insert into product (title) values ('new')\")")
    edit(found.project / "entrypoint.sh", "alembic upgrade", "alembic -x tenant=shop upgrade")

    refused = deploy(found)
    assert refused.code == 5, refused.stderr
    assert "the swap would migrate by itself" in refused.stderr
    assert "--accept-migrating-entrypoint" in refused.stderr
    assert (stands(found), found.journals()) == (before, [])

    shown = found.deploy("--dry-run", "--accept-migrating-entrypoint")
    assert shown.code == 0, shown.stderr
    assert "the old image will not start again once the database has moved on" in " ".join(shown.json["notes"])
    assert stands(found) == before

    done = deploy(found, "--accept-migrating-entrypoint")
    assert done.code == 0, done.stderr
    assert stands(found) == (found.image(), [found.image()], [FIRST], ["kept", "new"])
    assert "container:done" in noted(found)
