"""Only what stays up is proved, and only what is proved is gone back to; also where compose or migops is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from migops.docker import connect
from tests import warm
from tests.deploy.stack import Stack, edit, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import begin, deploy, ended, stands, until

pytestmark = pytest.mark.engine

STUBBORN = """    stop_grace_period: 4s
    command: ["sh", "-c", "trap '' TERM; while :; do sleep 0.2; done"]
"""


def containers(found: Stack) -> list[str]:
    """The service's containers, running or not: name and state."""
    shown = found.compose("ps", "-a", "--format", "json", "app").splitlines()
    return [f"{each['Name']} {each['State']}" for each in map(json.loads, shown)]


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def kill_compose_at_the_stop(found: Stack, running: subprocess.Popen[str], *, forgets: bool) -> None:
    """SIGKILL the compose CLI as soon as the engine begins to stop the old container. ``forgets``: the engine has had
    so much to do since that its list of events no longer tells of it."""
    name, image = f"{found.box.name}-app-1", found.image()
    words = ("docker", "events", "--filter", "event=kill", "--filter", f"container={name}", "--format", "{{.Action}}")
    with subprocess.Popen(words, env=found.env, stdout=subprocess.PIPE, text=True) as listening:
        assert listening.stdout is not None
        assert listening.stdout.readline() == "kill\n"
        listening.kill()
    running.send_signal(signal.SIGSTOP)  # it learns of both at once, however long the second takes
    (compose,) = children(running.pid)
    os.killpg(compose, signal.SIGKILL)  # migops has made it the leader of a group of its own
    if forgets:
        with connect(60, found.env) as engine:
            for _ in range(256):
                engine.tag(image, f"{found.box.name}-app:busy")
    running.send_signal(signal.SIGCONT)


def test_compose_is_killed_while_the_old_container_stops(sandbox: Sandbox) -> None:
    """The engine goes on to stop it: the way back starts it after that, not before. Its inspection tells nothing of the
    stop; its events do, and where it has forgotten these, a stop is possible."""
    found = stack(sandbox, more=STUBBORN)
    before = stands(found)
    (found.project / "v2.txt").write_text("2")
    for forgets in (False, True):
        running = begin(found)
        kill_compose_at_the_stop(found, running, forgets=forgets)
        failed = ended(running)
        assert (failed.code, failed.json["outcome"]) == (6, "failed"), failed.stderr
        assert "the containers could not be swapped (code -9)" in failed.json["message"]
        if not forgets:
            assert f"the engine is stopping or removing {sandbox.name}-app-1: waiting up to 7 s" in failed.stderr
        assert stands(found) == before
        assert containers(found) == [f"{sandbox.name}-app-1 running"], "nothing half-made is left"


def test_it_dies_some_seconds_after_it_was_started(sandbox: Sandbox) -> None:
    found = stack(sandbox, more='    restart: "no"\n')
    before = stands(found)
    dockerfile = found.project / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + 'CMD ["sh", "-c", "sleep 3; echo cannot import name x; exit 1"]\n')
    shown = found.deploy("--dry-run")
    assert "app has no health check" in " ".join(shown.json["notes"])
    for policy in ("no", "always"):
        edit(found.project / "compose.yaml", 'restart: "no"', f'restart: "{policy}"')
        failed = deploy(found, "--watch", "20")
        assert (failed.code, failed.json["outcome"]) == (6, "failed"), failed.stderr
        assert f"{sandbox.name}-app-1 does not stay up: it ended" in failed.json["message"], policy
        assert "| cannot import name x" in failed.stderr
        assert stands(found) == before


def test_killed_in_its_swap_with_a_backup_in_between(sandbox: Sandbox) -> None:
    """The image that last proved well keeps its name, and a deploy that fails later goes back to it."""
    found = stack(sandbox)
    before = stands(found)
    rollback = f"{sandbox.name}-app:migops-rollback"
    (found.project / "v2.txt").write_text("2")
    killed = deploy(found, at={"containers:started": "SIGKILL"})
    assert killed.code == -9
    unproved = found.image()
    assert found.running() == [unproved] != before[1]
    words = (sys.executable, "-m", "migops", "backup", "app")
    assert warm.run(words, cwd=found.project, env=found.env).returncode == 0

    main = found.project / "main.py"
    whole = main.read_text()
    main.write_text("raise SystemExit('it does not come up')\n")
    plan = found.deploy("--dry-run", "--watch", "600")
    (note,) = [each for each in plan.json["notes"] if "not proved" in each]
    assert f"the image of app, {unproved[:19]}, is not proved ({sandbox.name}-app-1 has run for " in note
    assert f"app is rolled back to {before[0][:19]}, which ran before run 1" in note
    failed = deploy(found, "--watch", "600")  # a container that is younger is not proved
    assert "run 1 (rebuild-and-migrate, " in failed.stderr, "it is remembered"
    assert (failed.code, failed.json["outcome"]) == (6, "failed"), failed.stderr
    assert f"app runs {before[0][:19]} again, as before run 1, not {unproved[:19]}" in failed.json["message"]
    assert failed.json["image"]["before"] == unproved
    assert stands(found) == before, "it is what the name means as well"
    assert found.image(rollback) == before[0]
    assert found.image(f"{rollback}-unproved") == unproved

    main.write_text(whole)
    done = deploy(found)
    assert done.code == 0, done.stderr
    assert found.image(rollback) == before[0]


def test_what_was_not_watched_takes_no_name_from_what_was_proved(sandbox: Sandbox) -> None:
    """``--watch 0`` is well with a container that ends: it is DONE, and no way back."""
    found = stack(sandbox, more='    restart: "no"\n')
    dockerfile = found.project / "Dockerfile"
    whole = dockerfile.read_text()
    rollback = f"{sandbox.name}-app:migops-rollback"
    dockerfile.write_text(whole + "HEALTHCHECK --interval=1s CMD true\n")
    assert deploy(found).code == 0
    proved = found.image()
    assert found.journals()[-1][-2]["proved"] == ["app"]

    dockerfile.write_text(whole + 'CMD ["sleep", "1"]\n')
    assert deploy(found, "--watch", "0").code == 0
    ends = found.image()
    assert found.journals()[-1][-2]["proved"] == []
    until(lambda: not found.running(), "it has ended")

    dockerfile.write_text(whole + 'CMD ["sh", "-c", "sleep 1; exit 3"]\n')
    failed = deploy(found, "--watch", "3")
    assert failed.code == 6, failed.stderr
    assert found.image() == ends, "as it was"
    assert found.image(rollback) == proved

    plan = found.deploy("--dry-run", "--watch", "0")
    (note,) = [each for each in plan.json["notes"] if "not proved" in each]
    assert f"the rollback tag stays at {proved[:19]}" in note
