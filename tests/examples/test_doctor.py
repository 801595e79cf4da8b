"""doctor on a real engine: what a service does when it starts, read from its image and from what lies over it."""

from __future__ import annotations

import pytest

from tests.engine.sandbox import Sandbox
from tests.kit import example, migops

pytestmark = pytest.mark.engine


def test_a_migrating_entrypoint_is_read_from_the_image(sandbox: Sandbox) -> None:
    project = example("migrating-entrypoint", sandbox.path)
    sandbox.compose("build", "app", cwd=project)
    # The host's copy is mended, and nobody has built since.
    (project / "entrypoint.sh").write_text('#!/bin/sh\nexec "$@"\n')
    found = migops("doctor", "--select", "MIG6", "--format", "json", cwd=project, env=sandbox.env)
    assert found.rules == ["MIG603", "MIG602"], found.stderr
    assert found.json["findings"][1]["subject"]["path"] == "/app/entrypoint.sh:2"
    assert found.json["findings"][1]["facts"]["place"] == "image"
    assert found.json["findings"][1]["remedy"][0]["command"] == ["docker", "compose", "build", "app"]
    (project / "compose.override.yaml").write_text(
        "services: {app: {volumes: ['./entrypoint.sh:/app/entrypoint.sh:ro']}}\n"
    )
    mounted = migops("doctor", "--select", "MIG6", "--format", "json", cwd=project, env=sandbox.env)
    assert mounted.rules == [], "the host's copy lies over the image's"
