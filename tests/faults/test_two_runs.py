"""Two runs of one project on one engine, each with a state folder of its own; and a run whose process nobody knows."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.deploy.stack import PRICE, Stack, edit, stack, things
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import AT, QUICK, begin, deploy, end, ended, noted, stands, until, until_it_sleeps
from tests.kit import migops

pytestmark = pytest.mark.engine

UNSHARED = ("unshare", "-pf", "--mount-proc", "--kill-child=SIGKILL")


def script(found: Stack, number: int, before: str = "") -> str:
    """One more migration, which writes a row."""
    name = f"b{number:011}"
    down = f"b{number - 1:011}" if number > 1 else PRICE
    found.write(name, down, f"{before}op.execute(\"insert into product (title) values ('{name}')\")")
    return name


def lock_of(found: Stack) -> str:
    return f"migops-{found.box.name}-lock"


def containers(found: Stack) -> str:
    """All containers that migops has made here, running or not."""
    return found.box.docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name=migops-{found.box.name}")


def other(found: Stack) -> Stack:
    """The same project with another user's state folder."""
    return replace(found, state=found.state.with_name("elsewhere"))


def test_two_state_folders(sandbox: Sandbox) -> None:
    one = stack(sandbox)
    two, old = other(one), one.image()
    head = script(one, 1)

    # The second comes while the first builds: it is kept out before it has changed anything.
    go = sandbox.path / "go"
    running = begin(one, at={"build:started": f"until [ -e {go} ]; do sleep 0.1; done"})
    until(lambda: one.journals() and "build:started" in noted(one), "it builds")
    before = things(sandbox)
    late = two.deploy()
    assert late.code == 4, late.stderr
    assert f"has the lock of {sandbox.name} on the engine: `rebuild-and-migrate` by " in late.stderr
    assert f"process {running.pid}, since " in late.stderr
    assert things(sandbox) == before
    assert two.journals() == []
    log = migops("log", "--format", "json", cwd=two.project, env=two.env).json
    held = log["locks"]["engine"]
    assert (held["pid"], held["process"], held["container"]) == (running.pid, "lives", lock_of(one))
    assert migops("log", "--unlock", "--yes", cwd=two.project, env=two.env).code == 4
    (sandbox.path / "any.dump").write_text("looked at only under the lock")
    for words in (("alembic", "upgrade", "head"), ("restore", str(sandbox.path / "any.dump"), "app", "--yes")):
        kept = migops(*words, cwd=two.project, env=two.env)
        assert (kept.code, f"has the lock of {sandbox.name} on the engine: " in kept.stderr) == (4, True), kept.stderr
    assert things(sandbox) == before
    go.write_text("")
    done = ended(running)
    assert done.code == 0, done.stderr
    new = one.image()
    assert stands(one) == (new, [new], [head], [head, "kept"])
    one.compose("up", "-d", "app")
    assert (one.running(), new != old) == ([new], True), "a plain `up` rolls nothing back"
    assert containers(one) == ""
    before = things(sandbox)
    assert two.deploy("--dry-run").code == 0
    assert things(sandbox) == before

    # The lock is pruned while it builds: it stops, and gives back what it has changed.
    script(one, 2)
    pruned = deploy(one, at={"build:done": f"docker rm {lock_of(one)}"})
    assert (pruned.code, pruned.json["outcome"]) == (5, "aborted"), pruned.stderr
    assert "the lock of" in pruned.json["message"]
    assert "its container was removed (docker container prune?)" in pruned.json["message"]
    assert stands(one) == (new, [new], [head], [head, "kept"])
    assert containers(one) == ""

    # Someone gives the name to another image by hand: that is not ours to undo.
    foreign = sandbox.docker("image", "inspect", "-f", "{{.Id}}", "python:3.11-slim").strip()
    hand = f"docker tag python:3.11-slim {sandbox.name}-app"
    stopped = deploy(one, at={"image:done": hand, "database:done": "SIGTERM"})
    assert stopped.code == 128 + signal.SIGTERM, stopped.stderr
    assert f"{sandbox.name}-app points to {foreign[:19]}" in stopped.json["message"]
    assert one.image() == foreign
    assert one.running() == [new]
    assert containers(one) == ""
    sandbox.docker("tag", new, f"{sandbox.name}-app")

    # The lock is pruned, and another run comes and goes: what that has made is left alone.
    its = (sys.executable, "-m", "migops", "rebuild-and-migrate", "--yes", "--cache")
    second = f"docker rm {lock_of(one)}; echo more > more.txt; XDG_STATE_HOME={two.state} {shlex.join(its)}"
    beaten = deploy(one, at={"image:done": second})
    assert (beaten.code, beaten.json["outcome"]) == (7, "operator"), beaten.stderr
    assert "so nothing that this run has begun was undone (keep, build and image)" in beaten.json["message"]
    assert [words[:2] for words in beaten.json["commands"]] == [["migops", "log"], ["migops", "status"]]
    assert not [words for words in beaten.json["commands"] if "tag" in words]
    its_end = end(two)
    assert (its_end["outcome"], its_end["exit"]) == ("done", 0)
    newest = one.image()
    assert newest not in (new, old, foreign)
    assert stands(one) == (newest, [newest], ["b00000000002"], ["b00000000001", "b00000000002", "kept"])
    for words in beaten.json["commands"]:
        assert migops(*words[1:], cwd=one.project, env=one.env).code == 0
    assert containers(one) == ""


def apart(found: Stack, *words: str, at: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """A deploy in a PID namespace of its own, as in a container that the engine's socket is mounted into.

    Killing ``unshare`` kills all that runs in the namespace.
    """
    argv = (*UNSHARED, sys.executable, str(AT), json.dumps(at or {}), "rebuild-and-migrate", "--yes", *QUICK)
    return subprocess.Popen(
        (*argv, "--format", "json", *words), cwd=found.project, env=found.env, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def killed(running: subprocess.Popen[str]) -> None:
    running.kill()
    running.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make PID namespaces")
def test_a_process_that_nobody_here_knows(sandbox: Sandbox) -> None:
    found = stack(sandbox)
    name = f"migops-{sandbox.name}-migrate"
    script(found, 1)

    # Killed before it migrated: its number is anybody's in the next namespace, and that never frees the lock.
    running = apart(found, at={"build:done": "sleep 600"})
    until(lambda: found.journals() and "build:done" in noted(found), "it has built")
    # The kernel gives the number of a namespace that has gone to the next one; not while somebody has it open.
    with Path(f"/proc/{running.pid}/ns/pid_for_children").open():
        killed(running)
        for _ in range(2):
            kept = ended(apart(found))
            assert kept.code == 4, kept.stderr
            assert "whether it is running is unknown here (it ran in another container" in kept.stderr
            assert len(found.journals()) == 1
    hint = kept.json["error"]["hint"]
    command = shlex.split(hint.rpartition("release its lock: ")[2])
    assert command == ["migops", "log", "--unlock", "app"]
    asked = migops(*command[1:], cwd=found.project, env=found.env)
    assert (asked.code, containers(found).split()) == (5, [lock_of(found)])
    said = migops("log", cwd=found.project, env={**found.env, "COLUMNS": "300"}).stdout
    assert "engine lock" in said
    assert "whether it is running is unknown here" in said
    released = migops(*command[1:], "--yes", cwd=found.project, env=found.env)
    assert released.code == 0, released.stderr
    assert "the engine lock was released" in released.stdout
    assert containers(found) == ""

    # Killed while it migrates: as soon as its container has ended, the lock is nobody's.
    path = found.project / "migrations/versions/b00000000001_b00000000001.py"
    edit(path, "op.execute", "op.execute('select pg_sleep(10)')\n    op.execute")
    running = apart(found)
    until_it_sleeps(found)
    killed(running)
    state = "{{.State.Status}}"
    until(lambda: sandbox.docker("inspect", "-f", state, name).strip() == "exited", "its migration has ended")
    done = ended(apart(found))
    assert done.code == 0, done.stderr
    assert found.query("select count(*) from product") == "2", "it was applied once"
    assert containers(found) == ""


def test_what_it_has_left_on_the_server_is_seen_from_another_state_folder(sandbox: Sandbox) -> None:
    """The lock tells whose journal names the sessions. It is not given up before these have gone."""
    one = stack(sandbox)
    two = other(one)
    script(one, 1, "op.execute('select pg_sleep(600)')\n    ")
    running = begin(one)
    until_it_sleeps(one)
    running.kill()
    running.communicate()
    sandbox.docker("rm", "-f", f"migops-{sandbox.name}-migrate")
    for _ in range(2):
        beside = two.deploy()
        assert beside.code == 7, beside.stderr
        assert "the database server still works on a migration of a run that was killed" in beside.stderr
        assert two.journals() == []
        assert containers(one).split() == [lock_of(one)]
    one.query("select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep(600)%'")
    edit(one.project / "migrations/versions/b00000000001_b00000000001.py", "select pg_sleep(600)", "select 1")
    done = two.deploy(*QUICK)
    assert done.code == 0, done.stderr
    assert stands(one)[2:] == (["b00000000001"], ["b00000000001", "kept"])
    assert containers(one) == ""
