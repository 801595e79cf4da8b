"""The compose file is edited while the container runs on: `migops alembic` runs with what the file says now."""

from __future__ import annotations

import pytest

from tests.deploy.stack import PRICE, edit, stack
from tests.engine.sandbox import Sandbox
from tests.kit import migops

pytestmark = pytest.mark.engine


def test_the_printed_command_after_the_edit(sandbox: Sandbox) -> None:
    found = stack(sandbox, migrated=False)
    file = found.project / "compose.yaml"
    right = file.read_text()
    edit(file, "@db:5432", "@localhost:5432")
    found.compose("up", "-d", "--no-deps", "app")

    broken = migops("alembic", "current", cwd=found.project, env=found.env)
    assert broken.code == 1
    assert f"in {sandbox.name}-app-1: it runs the current image" in broken.stderr
    assert "migops: connection-refused" in broken.stderr

    file.write_text(right)
    why = f"{sandbox.name}-app-1 was created with another definition than the compose files have now (DATABASE_URL)"
    done = migops("alembic", "upgrade", "head", cwd=found.project, env=found.env)
    assert done.code == 0, done.stderr
    assert why in done.stderr
    assert "in a one-off container of" in done.stderr
    assert "env.py" not in done.stderr
    assert found.rows() == [PRICE]
