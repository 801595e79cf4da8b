"""The examples on a real engine: the right finding, its fix run as printed, and then the next check is clean."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.engine.sandbox import Sandbox
from tests.kit import Result, example, git, migops, repository, with_migops

pytestmark = pytest.mark.engine

PROD = ("-f", "docker-compose.prod.yml")
DISCOUNT = "app/src/infrastructure/database/migrations/versions/010_add_product_discount.py"


def check(box: Sandbox, project: Path, *arguments: str) -> Result:
    return migops("check-image", *arguments, "--format", "json", cwd=project, env=box.env)


def run_as_printed(box: Sandbox, project: Path, found: Result) -> list[str]:
    """Run the first command of the first finding, as it stands."""
    command = next(step["command"] for step in found.json["findings"][0]["remedy"] if step["command"])
    subprocess.run(command, cwd=project, env=with_migops(box.env), check=True, capture_output=True)
    return list(command)


@pytest.fixture
def stale(sandbox: Sandbox) -> Path:
    """The stale example, by its own script: 010 is in the image, and git has seen it deleted."""
    project = example("stale-image", sandbox.path)
    subprocess.run(("./build-last-week.sh",), cwd=project, env=sandbox.env, check=True, capture_output=True)
    script = project / DISCOUNT
    assert not script.exists(), "the script leaves the host clean"
    script.write_bytes((project / "last-week" / script.name).read_bytes())
    repository(project)
    git(project, "rm", "-q", DISCOUNT)
    git(project, "commit", "-q", "-m", "Give up on discounts")
    return project


def test_stale_image(sandbox: Sandbox, stale: Path) -> None:
    found = check(sandbox, stale, *PROD, "app")
    assert (found.code, found.rules) == (1, ["MIG001", "MIG101", "MIG301"])
    ghost, layer, heads = found.json["findings"]
    assert ghost["subject"]["revision"] == "010"
    assert heads["facts"]["heads"] == ["010", "8bd76168eb7e"]
    assert layer["facts"]["layer"]["created_by"].startswith("COPY . .")
    assert layer["facts"]["layer"]["base"] is False
    command = run_as_printed(sandbox, stale, found)
    assert command == ["docker", "compose", "-f", "docker-compose.prod.yml", "build", "app"]
    assert check(sandbox, stale, *PROD, "app").code == 0


def test_real_alembic_in_the_image_sees_what_we_say(sandbox: Sandbox, stale: Path) -> None:
    """The two heads that the report names are those that Alembic itself prints in the image."""
    said = check(sandbox, stale, *PROD, "app").json["findings"][2]["facts"]["heads"]
    alembic = ("run", "--rm", "--no-deps", "--entrypoint", "alembic", "app", "heads")
    printed = sandbox.compose(*PROD, *alembic, cwd=stale)
    assert sorted(line.split()[0] for line in printed.splitlines() if "(head)" in line) == said


def test_a_saved_image_gives_the_same_verdict_without_an_engine(sandbox: Sandbox, stale: Path) -> None:
    sandbox.docker("save", "-o", str(stale / "app.tar"), f"{sandbox.name}-app")
    found = migops(
        "check-image", *PROD, "app", "--image", "docker-archive:app.tar", "--format", "json",
        cwd=stale, env={"DOCKER_HOST": "unix:///nowhere/docker.sock"},
    )  # fmt: skip
    assert (found.code, found.rules) == (1, ["MIG001", "MIG101", "MIG301"])


def test_clean(sandbox: Sandbox) -> None:
    project = example("clean", sandbox.path)
    missing = check(sandbox, project)
    assert missing.code == 3, "nothing is built yet, and nothing is pulled or built to find out"
    assert "docker compose build" in missing.json["missing"][0]
    sandbox.compose("build", "-q", "app", cwd=project)
    assert check(sandbox, project).code == 0


def test_the_ci_step_after_docker_build(sandbox: Sandbox) -> None:
    project = example("clean", sandbox.path)
    tag = sandbox.tag("ci")
    sandbox.build(project, tag)
    assert check(sandbox, project, "--image", tag, "--context", ".").code == 0
    script = project / "migrations/versions/b7_next.py"
    script.write_text("revision = 'b7'\ndown_revision = 'a94d5e61c8f3'\n")
    found = check(sandbox, project, "--image", tag, "--context", ".")
    assert (found.code, found.rules) == (1, ["MIG002"])
    assert run_as_printed(sandbox, project, found) == ["docker", "build", "-t", tag, "."]
    assert check(sandbox, project, "--image", tag, "--context", ".").code == 0


def test_two_heads(sandbox: Sandbox) -> None:
    project = example("two-heads", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    found = check(sandbox, project)
    assert (found.code, found.rules) == (1, ["MIG301"])
    assert found.json["findings"][0]["facts"]["places"] == ["host", "context", "image"]


def test_dockerignored(sandbox: Sandbox) -> None:
    project = example("dockerignored", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    found = check(sandbox, project)
    assert found.code == 1
    assert set(found.rules) == {"MIG104", "MIG004"}
    ignore = project / ".dockerignore"
    lines = ignore.read_text().splitlines()
    del lines[found.json["findings"][1]["facts"]["line"] - 1]
    ignore.write_text("\n".join(lines) + "\n")
    sandbox.compose("build", "-q", "app", cwd=project)
    assert check(sandbox, project).code == 0


def test_an_image_from_scratch_and_without_a_command(sandbox: Sandbox) -> None:
    project = example("clean", sandbox.path)
    (project / "Dockerfile").write_text("FROM scratch\nWORKDIR /app\nCOPY . .\n")
    sandbox.compose("build", "-q", "app", cwd=project)
    assert check(sandbox, project).code == 0
