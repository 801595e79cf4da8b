"""A tmpfs over the migrations (safety case 20): refused before anything is changed, and seen by the last gate."""

from __future__ import annotations

import pytest

from tests.deploy.stack import edit, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import deploy, noted, stands

pytestmark = pytest.mark.engine


def test_a_tmpfs_over_the_migrations(sandbox: Sandbox) -> None:
    found = stack(sandbox)
    before, compose = stands(found), found.project / "compose.yaml"
    text = compose.read_text()
    for line in ("tmpfs: [/app/migrations/versions]", "volumes: [{type: tmpfs, target: /app}]"):
        compose.write_text(text)
        edit(compose, "    init: true\n", f"    init: true\n    {line}\n")
        refused = found.deploy("--cache")
        assert (refused.code, stands(found)) == (5, before), refused.stderr
        assert "a tmpfs lies over /app" in refused.stderr
        assert f"take it out of the compose file ({compose}:5)" in refused.stderr
    compose.write_text(text)

    # somebody edits the compose file while the deploy goes on: the last gate looks at what really runs
    line = "    init: true\\n    tmpfs: [/app/migrations/versions]"
    late = deploy(found, at={"revision:done": f"sed -i 's#^    init: true#{line}#' {compose}"})
    assert late.code in (6, 7), late.stderr
    assert "a tmpfs lies over /app/migrations/versions, which is an empty folder in memory" in late.json["message"]
    assert "take the tmpfs at /app/migrations/versions out of the compose file" in late.stdout + late.stderr
    assert "swap:done" in noted(found)
