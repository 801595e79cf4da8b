"""Several services on one image: which of them are swapped, in which order, and which are left alone."""

from __future__ import annotations

import pytest

from tests.deploy.stack import PRICE, Stack, edit
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine


def test_one_shot_worker_and_replicas(sandbox: Sandbox) -> None:
    """A service that migrates and ends, one that was stopped on purpose, one that was scaled: each keeps its part."""
    found = Stack(sandbox, example("several-services", sandbox.path), sandbox.path / "state")
    dockerfile = found.project / "Dockerfile"  # a health check proves an image; 2 s without one do not
    dockerfile.write_text(dockerfile.read_text() + "HEALTHCHECK --interval=1s CMD true\n")
    fresh = found.deploy("--cache")
    assert (fresh.code, fresh.json["outcome"]) == (0, "done"), fresh.stderr
    first = found.image(f"{sandbox.name}-shop")
    assert (found.rows(), found.running(), found.running("worker")) == ([PRICE], [first], [first])
    assert "Exited (0)" in found.compose("ps", "-a", "migrate")

    found.compose("stop", "-t", "0", "worker")
    found.compose("up", "-d", "--no-deps", "--scale", "app=2", "app")
    found.write("b00000000001", PRICE, 'op.add_column("product", sa.Column("x", sa.Integer()))')
    done = found.deploy("--cache")
    assert done.code == 0, done.stderr
    second = found.image(f"{sandbox.name}-shop")
    assert (found.running(), found.rows()) == ([second, second], ["b00000000001"])
    assert found.compose("ps", "-q", "worker") == "", "it was stopped on purpose"
    assert "worker has the same image and is left as it is: it is stopped" in done.stderr
    assert "app keeps its 2 replicas" in done.stderr

    compose = found.project / "compose.yaml"
    text = compose.read_text()
    found.compose("start", "worker")
    edit(compose, "  worker:\n", "  worker:\n    profiles: [jobs]\n")
    (note,) = [each for each in found.deploy("--dry-run").json["notes"] if "worker" in each]
    assert "it runs, and its profile jobs is not enabled" in note
    compose.write_text(text)
    found.compose("stop", "-t", "0", "worker")

    foreign = found.deploy("--dry-run", "app", "db")
    assert foreign.code == 2, foreign.stderr
    assert "db has another image than app" in foreign.stderr

    found.write("b00000000002", "b00000000001", 'op.add_column("product", sa.Column("y", sa.Integer()))')
    (found.project / "main.py").write_text("raise SystemExit('it does not come up')\n")
    stopped = found.deploy("--cache", "--health-timeout", "20", "app", "worker")
    assert (stopped.code, stopped.json["outcome"]) == (7, "operator"), stopped.stderr
    assert found.running() == [second, second], "what runs once is not in the way of the old containers"
    assert found.compose("ps", "-q", "worker") == "", "and what was stopped before is stopped again"
    assert found.rows() == ["b00000000002"]
    assert found.image(f"{sandbox.name}-shop:migops-rollback") == second
    assert found.image(f"{sandbox.name}-shop:migops-rollback-worker") == first, "services of one name ran two images"
