"""The examples of MIG101 to 105 on a real engine: rule, fix as printed, and the wrong fixes that do nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.engine.sandbox import Sandbox
from tests.kit import Result, example, migops

pytestmark = pytest.mark.engine


def environment(box: Sandbox) -> dict[str, str]:
    return {**box.env, "SHOP_BASE": box.name}


def check(box: Sandbox, project: Path, *arguments: str) -> Result:
    return migops("check-image", "app", *arguments, "--format", "json", cwd=project, env=environment(box))


def shell(box: Sandbox, project: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=project, env=environment(box), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def fix_as_printed(box: Sandbox, project: Path, found: Result, rule: str) -> list[list[str]]:
    """Run the steps that the finding of ``rule`` prints, one after the other."""
    finding = next(finding for finding in found.json["findings"] if finding["rule"] == rule)
    commands = [step["command"] for step in finding["remedy"] if step["command"] and not step["alternative"]]
    for command in commands:
        shell(box, project, *command)
    return commands


def test_stale_base(sandbox: Sandbox) -> None:
    project = example("stale-base", sandbox.path)
    shell(sandbox, project, "./build-last-week.sh")
    found = check(sandbox, project)
    assert found.code == 1
    assert found.rules == ["MIG001", "MIG103", "MIG301"] or found.rules == ["MIG001", "MIG103"]
    assert found.json["findings"][0]["facts"]["layer"]["base"] is True

    shell(sandbox, project, "docker", "compose", "build", "--no-cache", "app")
    assert "MIG103" in check(sandbox, project).rules, "the wrong fix: the base still has it"

    commands = fix_as_printed(sandbox, project, found, "MIG103")
    assert commands == [["docker", "compose", "build", "base"], ["docker", "compose", "build", "app"]]
    assert check(sandbox, project).code == 0


def test_uncacheable_source(sandbox: Sandbox) -> None:
    project = example("uncacheable-source", sandbox.path)
    port = 20000 + os.getpid() % 12000  # below those that the kernel gives to connections
    for name in ("compose.yaml", "Dockerfile"):
        path = project / name
        path.write_text(path.read_text().replace("18099", str(port)))
    shell(sandbox, project, "./publish.sh")
    sandbox.compose("build", "-q", "app", cwd=project)
    assert check(sandbox, project).code == 0

    script = project / "migrations/versions/d1_next.py"
    script.write_text("revision = 'd1'\ndown_revision = 'a94d5e61c8f3'\n")
    shell(sandbox, project, "./publish.sh")
    found = check(sandbox, project)
    assert (found.code, found.rules) == (1, ["MIG002", "MIG102"])

    shell(sandbox, project, "docker", "compose", "build", "app")
    assert check(sandbox, project).rules == ["MIG002", "MIG102"], "the wrong fix: the cache answers"

    commands = fix_as_printed(sandbox, project, found, "MIG102")
    assert commands == [["docker", "compose", "build", "--no-cache", "app"]]
    assert check(sandbox, project).code == 0


def test_an_edit_of_the_same_size_and_date(sandbox: Sandbox) -> None:
    # BuildKit keeps what it was sent of a context by the folder's name: another test's build of a "clean" at the same
    # time would make it ask for all files again.
    project = example("clean", sandbox.path).rename(sandbox.path / f"clean-{sandbox.name}")
    script = next((project / "migrations/versions").glob("a94*.py"))
    # A text that no build has seen: a layer of the cache would bring the dates of another checkout.
    script.write_text(f"{script.read_text()}# {sandbox.name}\n")
    sandbox.compose("build", "-q", "app", cwd=project)
    date = script.stat()
    script.write_text(script.read_text().replace("price", "prise"))
    os.utime(script, ns=(date.st_atime_ns, date.st_mtime_ns))
    sandbox.compose("build", "-q", "app", cwd=project)
    found = check(sandbox, project)
    assert "MIG105" in found.rules, "a plain build does not see the edit, as the finding says"
    fix_as_printed(sandbox, project, found, "MIG105")
    assert check(sandbox, project).code == 0
