"""FAULTS.md 33 for the deploy: a signal at any moment leaves the old state or the new one, and it is said which."""

from __future__ import annotations

import signal
import time

import pytest

from tests.deploy.stack import PRICE, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import begin, deploy, end, ended, stands, until
from tests.faults.test_backup import command_lines

pytestmark = pytest.mark.engine

CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


def test_33_a_signal_before_during_and_after_the_migration(sandbox: Sandbox) -> None:
    found = stack(sandbox)
    before, applied, head = stands(found), [], PRICE

    def pending() -> str:
        name = f"b{len(applied) + 1:011}"
        found.write(name, head, f"op.execute(\"insert into product (title) values ('{name}')\")")
        return name

    new = pending()
    dockerfile = found.project / "Dockerfile"
    whole = dockerfile.read_text()
    dockerfile.write_text(f"{whole}RUN sleep 300; : {sandbox.name}\n")
    running = begin(found)
    until(lambda: command_lines(f"sleep 300; : {sandbox.name}"), "it builds")
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    stopped = ended(running)
    assert stopped.code == 130, stopped.stderr
    assert time.monotonic() - began < 150
    until(lambda: not command_lines(f"sleep 300; : {sandbox.name}"), "the build has ended as well")
    dockerfile.write_text(whole)
    assert (stands(found), end(found)["exit"]) == (before, 130)

    for name, at in (("SIGTERM", "build:started"), ("SIGHUP", "database:started"), ("SIGTERM", "backup:started")):
        stopped = deploy(found, at={at: name})
        assert (stopped.code, stopped.json["outcome"], stopped.json["exit"]) == (CODES[name], "aborted", CODES[name])
        assert f"stopped by {name}" in stopped.json["message"], stopped.stderr
        assert "nothing was changed: the running containers are as before" in stopped.json["message"]
        assert f"{name}: stopping here and undoing what was done" in stopped.stderr
        assert (stands(found), end(found)["exit"]) == (before, CODES[name])

    for name, at in (("SIGINT", "container:started"), ("SIGTERM", "swap:started"), ("SIGHUP", "containers:done")):
        late = deploy(found, at={at: name})
        assert (late.code, late.json["outcome"], late.json["exit"]) == (CODES[name], "done", CODES[name]), late.stderr
        assert f"({name} came too late to roll back, so the deploy was completed)" in late.json["message"]
        image, (head,) = found.image(), (new,)
        applied.append(new)
        assert stands(found) == (image, [image], [head], [*applied, "kept"])
        assert (end(found)["outcome"], end(found)["exit"]) == ("done", CODES[name])
        new = pending()

    running = begin(found, at={"container:started": "SIGHUP"})  # a terminal that is closed takes its streams along
    assert running.stdout is not None
    assert running.stderr is not None
    while "1/9" not in running.stderr.readline():
        pass
    running.stdout.close()
    running.stderr.close()
    running.wait(120)
    image = found.image()
    assert stands(found) == (image, [image], [new], [*applied, new, "kept"])
    assert (end(found)["outcome"], end(found)["exit"]) == ("done", 129)
