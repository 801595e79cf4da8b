"""The database examples on a real engine: the right rule and direction, the fix as printed, and then all is well."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.engine.sandbox import Sandbox
from tests.kit import Result, example, migops, with_migops

pytestmark = pytest.mark.engine


def status(box: Sandbox, project: Path, *more: str) -> Result:
    found = migops("status", *more, "--format", "json", cwd=project, env=box.env)
    assert found.code in (0, 1), found.stderr
    return found


def finding(result: Result) -> dict[str, object]:
    """The one finding about the database."""
    (only,) = [each for each in result.json["findings"] if each["rule"].startswith("MIG4")]
    return dict(only)


def run_as_printed(box: Sandbox, project: Path, result: Result, *steps: int) -> list[list[str]]:
    """Run steps of the finding's remedy, as they stand."""
    commands = [step["command"] for step in finding(result)["remedy"]]  # type: ignore[attr-defined]
    for number in steps or range(len(commands)):
        subprocess.run(commands[number], cwd=project, env=with_migops(box.env), check=True, capture_output=True)
    return commands


def in_order(box: Sandbox, project: Path) -> None:
    found = status(box, project, "--fail-on", "info", "--ignore", "MIG2")
    assert (found.code, found.json["state"], found.json["findings"]) == (0, "up to date", [])


def alembic(box: Sandbox, project: Path, *words: str) -> str:
    """What Alembic itself says, in the service's image."""
    run = ("run", "--rm", "--no-deps", "--entrypoint", "alembic", "app", *words)
    done = subprocess.run(
        ("docker", "compose", *run), cwd=project, env=box.env, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_no_version_table(sandbox: Sandbox) -> None:
    project = example("no-version-table", sandbox.path)
    sandbox.compose("up", "-d", "--build", "--wait", cwd=project)
    assert "already exists" in alembic(sandbox, project, "upgrade", "head"), "what the user sees"
    found = status(sandbox, project)
    assert (found.json["state"], finding(found)["rule"]) == ("no version", "MIG401")
    assert finding(found)["message"] == "the database has no version table, but 1 table: product"
    (step,) = finding(found)["remedy"]  # type: ignore[misc]
    assert step["command"] == ["migops", "adopt", "app"]
    environment = {**sandbox.env, "XDG_STATE_HOME": str(sandbox.path.parent / "state")}
    assert migops(*step["command"][1:], "--yes", cwd=project, env=environment).code == 0
    in_order(sandbox, project)


def test_database_ahead(sandbox: Sandbox) -> None:
    project = example("database-ahead", sandbox.path)
    subprocess.run(("./roll-back.sh",), cwd=project, env=sandbox.env, check=True, capture_output=True)
    assert "Can't locate revision" in alembic(sandbox, project, "current"), "what the user sees"
    found = status(sandbox, project)
    assert (found.json["state"], finding(found)["rule"]) == ("ahead", "MIG403")
    assert "the image is older than the database" in str(finding(found)["message"])
    assert run_as_printed(sandbox, project, found) == [["docker", "compose", "build", "app"]]
    in_order(sandbox, project)


def test_diverged(sandbox: Sandbox) -> None:
    project = example("diverged", sandbox.path)
    subprocess.run(("./two-branches.sh",), cwd=project, env=sandbox.env, check=True, capture_output=True)
    assert "Can't locate revision" in alembic(sandbox, project, "current"), "what the user sees"
    found = status(sandbox, project)
    assert (found.json["state"], finding(found)["rule"]) == ("diverged", "MIG406")
    assert finding(found)["facts"]["common"] == "3f1c0a7be210"  # type: ignore[index]
    assert found.json["pending"] == ["a94d5e61c8f3"]
    drawn = migops("graph", "app", "--format", "json", cwd=project, env=sandbox.env).json
    assert {each["id"]: each["places"].get("image") for each in drawn["revisions"]}["a94d5e61c8f3"] is True
    assert [each["id"] for each in drawn["revisions"] if each["current"]] == found.json["current"] == drawn["current"]
    run_as_printed(sandbox, project, found)
    in_order(sandbox, project)


def drift(box: Sandbox, project: Path) -> list[str]:
    """The differences that MIG407 tells of, or why it was not judged."""
    found = status(box, project, "--drift", "--select", "MIG407")
    reasons = [each["reason"] for each in found.json["skipped"]]
    return reasons or [each for finding in found.json["findings"] for each in finding["facts"]["differences"]]


def test_drift_of_the_schema(sandbox: Sandbox) -> None:
    """On request `alembic check` says how models and schema differ: never where it would create a version table."""
    project = example("clean", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    sandbox.compose("up", "-d", "--wait", "db", cwd=project)

    def query(sql: str) -> str:
        psql = ("psql", "-U", "shop", "-d", "shop", "-qAtc", sql)
        return sandbox.compose("exec", "-T", "db", *psql, cwd=project).strip()

    assert "would create the missing version table" in drift(sandbox, project)[0]
    assert query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
    alembic(sandbox, project, "upgrade", "3f1c0a7be210")
    assert "the database is not at the image's heads" in drift(sandbox, project)[0]
    alembic(sandbox, project, "upgrade", "head")
    assert drift(sandbox, project) == [], "in a one-off container, as none of the service runs"
    query("ALTER TABLE product ADD COLUMN extra int; ALTER TABLE product ALTER COLUMN title DROP NOT NULL")
    told = [
        "column product.title: NULL in the database, NOT NULL in the models",
        "column product.extra: in the database only",
    ]
    assert sorted(drift(sandbox, project)) == sorted(told)
    assert sandbox.compose("ps", "-a", "--format", "{{.Service}}", cwd=project).split() == ["db"], "no container stays"
    sandbox.compose("up", "-d", "app", cwd=project)
    found = status(sandbox, project, "--drift", "--fail-on", "error", "--ignore", "MIG7")
    assert (found.code, finding(found)["rule"], finding(found)["severity"]) == (1, "MIG407", "error")
    assert finding(found)["facts"]["asked"] == f"{sandbox.name}-app-1"  # type: ignore[index]
    assert "MIG407" not in status(sandbox, project).rules, "only on request"


def test_pending_is_what_alembic_then_runs(sandbox: Sandbox) -> None:
    """Fresh, then behind: the pending revisions are those that Alembic upgrades, in that order."""
    project = example("clean", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    sandbox.compose("up", "-d", "--wait", "db", cwd=project)
    fresh = status(sandbox, project).json
    assert (fresh["state"], fresh["pending"], fresh["findings"]) == ("fresh", ["3f1c0a7be210", "a94d5e61c8f3"], [])
    alembic(sandbox, project, "upgrade", "3f1c0a7be210")
    behind = status(sandbox, project, "--fail-on", "warning")
    assert (behind.code, behind.json["state"], finding(behind)["rule"]) == (1, "behind", "MIG402")
    assert behind.json["pending"] == ["a94d5e61c8f3"]
    assert behind.json["current"] == ["3f1c0a7be210"]
    run_as_printed(sandbox, project, behind)
    in_order(sandbox, project)
    assert "a94d5e61c8f3 (head)" in alembic(sandbox, project, "current")
