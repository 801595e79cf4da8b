"""FAULTS.md 31 and 32: migops is killed at every step's boundary, and the engine while a migration runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy.stack import PRICE, Stack, edit, stack
from tests.engine.fixtures import SecondEngines
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import begin, deploy, end, ended, noted, stands, until_it_sleeps

pytestmark = pytest.mark.engine

UNTOUCHED = "it changed nothing that is running"
MIGRATED = "the database may have been migrated; this run reads its revision, and applies nothing twice"
SWAPPED = "the containers may be the old ones or the new ones"
BEFORE = ["keep:started", "build:started", "image:started", "database:started", "backup:started", "migrate:started"]
"""Boundaries before anything is migrated: what comes after a step that ended is what comes before the next one."""
SINCE = [
    ("container:started", MIGRATED), ("container:done", MIGRATED), ("revision:started", MIGRATED),
    ("swap:started", SWAPPED), ("containers:started", SWAPPED), ("containers:done", SWAPPED),
]  # fmt: skip


def test_32_killed_at_every_boundary(sandbox: Sandbox) -> None:
    """Each run finds what the one before has left, says it, and gets one boundary further. Nothing runs twice."""
    found = stack(sandbox)
    before, applied = stands(found), []
    head = PRICE

    def another(number: int) -> str:
        name = f"b{number:011}"
        found.write(name, head, f"op.execute(\"insert into product (title) values ('{name}')\")")
        applied.append(name)
        return name

    def kill(at: str, said: str) -> None:
        # Killed before Python has begun, nothing tells whether something was committed where anybody else commits.
        killed = deploy(found, "--repeat", newest, at={at: "SIGKILL"})
        assert killed.code == -9, killed.stderr
        assert noted(found)[-1] == at
        told = " ".join(killed.stderr.split())
        assert (f"the step {past}: {said}" in told) if past else "was killed" not in told, killed.stderr

    past = ""
    newest = another(1)
    for at in BEFORE:
        kill(at, UNTOUCHED)
        past = at.partition(":")[0]
        assert stands(found)[1:] == before[1:]
    said = MIGRATED
    for number, (at, then) in enumerate(SINCE, 2):
        kill(at, said)
        past, said = at.partition(":")[0], then
        if at == "container:started":  # it had not begun to migrate
            assert stands(found)[1:] == before[1:]
            continue
        head = newest
        assert found.rows() == [head]
        newest = another(number)
    done = deploy(found, "--repeat", newest)
    assert done.code == 0, done.stderr
    assert "was killed (as were 11 before it) after the step containers: " in " ".join(done.stderr.split())
    image = found.image()
    assert stands(found) == (image, [image], [newest], [*applied, "kept"])
    kept = sandbox.docker("images", "--no-trunc", "--format", "{{.ID}}", f"{sandbox.name}-app").split()
    assert before[0] in kept, "the image that ran before all this has kept a name"
    names = sandbox.docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name=migops-{sandbox.name}")
    assert names == ""


def test_31_the_engine_is_killed_while_it_migrates(second_engine: SecondEngines, tmp_path: Path) -> None:
    second = second_engine(images=["python:3.11-slim", "postgres:15"])
    found = stack(Sandbox(second.engine, "shop31", tmp_path))
    running, script = begun(found)
    second.kill()
    gone = ended(running)
    assert (gone.code, gone.json["outcome"]) == (7, "operator"), gone.stderr
    assert "the migration may still run in migops-shop31-migrate, or on the database server" in gone.json["message"]
    assert ["docker", "logs", "migops-shop31-migrate"] in gone.json["commands"]
    assert end(found)["commands"] == gone.json["commands"]
    second.restart()  # it stops what ran on without it
    edit(script, SLOW, "")
    again = deploy(found)
    assert again.code == 0, again.stderr
    assert "its migration has since ended, with exit code" in again.stderr
    assert stands(found) == (found.image(), [found.image()], [NEW], ["kept", "new"])


def test_31_32_what_a_killed_run_has_left_at_work(sandbox: Sandbox) -> None:
    """Nothing is begun beside the container that migrates, nor beside what the server still does for it."""
    found = stack(sandbox)
    before = stands(found)
    running, script = begun(found)
    running.kill()
    running.communicate()
    edit(script, SLOW, "")
    name = f"migops-{sandbox.name}-migrate"

    beside = deploy(found)
    assert beside.code == 7, beside.stderr
    assert f"a migration started by an earlier run is still running in {name}, although" in beside.stderr
    assert beside.json["error"]["commands"] == [["docker", "logs", "-f", name]]
    sandbox.docker("rm", "-f", name)
    beside = deploy(found)
    assert beside.code == 7, beside.stderr
    assert "the database server still works on a migration of a run that was killed" in beside.stderr
    assert stands(found)[1:] == before[1:]
    assert len(found.journals()) == 1, "neither has done anything"
    found.query("select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep(600)%'")
    done = deploy(found)
    assert done.code == 0, done.stderr
    assert stands(found) == (found.image(), [found.image()], [NEW], ["kept", "new"])


NEW = "b00000000001"
SLOW = "op.execute('select pg_sleep(600)')\n    "


def begun(found: Stack) -> tuple[subprocess.Popen[str], Path]:
    """A deploy whose migration is at a slow statement, and the migration's script."""
    script = found.write(NEW, PRICE, f"{SLOW}op.execute(\"insert into product (title) values ('new')\")")
    running = begin(found)
    until_it_sleeps(found)
    return running, script
