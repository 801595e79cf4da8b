"""FAULTS.md 22 to 25 and 40 for the deploy: it fails before anything is migrated, and nothing was changed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.stack import PRICE, edit, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import begin, deploy, end, ended, stands, until
from tests.faults.test_backup import command_lines
from tests.kit import Result

pytestmark = pytest.mark.engine

NEW = "b00000000001"
ROW = "op.execute(\"insert into product (title) values ('new')\")"


def test_22_23_24_25_40_nothing_was_changed(sandbox: Sandbox) -> None:
    found = stack(sandbox)
    before = stands(found)
    script = found.write(NEW, PRICE, ROW)
    dockerfile = found.project / "Dockerfile"
    whole = dockerfile.read_text()

    def aborted(result: Result, said: str) -> None:
        assert (result.code, result.json["outcome"]) == (5, "aborted"), result.stderr
        assert said in result.json["message"], result.stderr
        assert "nothing was changed: the running containers are as before" in result.json["message"]
        assert stands(found) == before
        assert (end(found)["outcome"], end(found)["exit"]) == ("aborted", 5)

    # 22: an instruction fails, here as there is no room left
    full = "RUN --mount=type=tmpfs,target=/small,size=1m dd if=/dev/zero of=/small/file bs=1M count=2\n"
    dockerfile.write_text(whole + full)
    failed = deploy(found)
    aborted(failed, "the build failed with exit code")
    assert "No space left on device" in failed.stderr
    assert found.image(f"{sandbox.name}-app:migops-rollback") == before[0]

    # 23: a script is edited while the build runs, after it was copied and before
    slow = f"RUN sleep 3; : {sandbox.name}\n"
    for place in (whole + slow, whole.replace("COPY . .", f"{slow}COPY . .")):
        dockerfile.write_text(place)
        running = begin(found)
        until(lambda: command_lines(f"sleep 3; : {sandbox.name}"), "it builds")
        edit(script, "'new'", "'edited'")
        aborted(ended(running), f"the host's migrations were edited during the build: versions/{script.name}")
        edit(script, "'edited'", "'new'")
    dockerfile.write_text(whole)

    # 25: pg_dump is killed while it waits for a table
    lock = "begin; lock table product; select pg_sleep(600)"
    words = ("exec", "-T", "db", "psql", "-U", "shop", "-d", "shop", "-c", lock)
    with subprocess.Popen(("docker", "compose", *words), cwd=found.project, env=found.env) as holder:
        until(lambda: found.query("select 1 from pg_locks where mode = 'AccessExclusiveLock' and granted"), "locked")
        running = begin(found)
        dumps = "select pid from pg_stat_activity where application_name like 'migops backup%' and state = 'active'"
        until(lambda: found.query(dumps), "pg_dump waits")
        kill = 'for each in /proc/[0-9]*; do [ "$(cat $each/comm)" != pg_dump ] || kill -9 ${each#/proc/}; done'
        found.compose("exec", "-T", "db", "sh", "-c", kill)
        gone = ended(running)
        found.query("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)'")
        holder.wait(120)
    aborted(gone, "pg_dump")
    assert not list(found.state.rglob("*.partial"))

    # 40: the journal cannot be written
    found.state.rename(kept := found.state.with_name("kept"))
    with small(found.state, "size=2m,ro"):
        refused = deploy(found)
    assert refused.code == 5, refused.stderr
    assert "cannot write to the state folder (Read-only file system)" in refused.stderr
    assert stands(found) == before

    # 24: its disk fills up before the backup
    with small(found.state, "size=64m"):
        aborted(
            deploy(found, at={"backup:started": f"dd if=/dev/zero of={found.state}/full bs=1k; true"}), "but only 0 are"
        )
        assert not list(found.state.rglob("*.partial"))
    found.state.rmdir()
    kept.rename(found.state)

    # 40: nothing can be written any more when it is to migrate, and then when it has migrated
    full = "prlimit --pid $PPID --fsize=0"
    unnoted = deploy(found, at={"migrate:started": full})
    assert (unnoted.code, unnoted.json["outcome"]) == (5, "aborted"), unnoted.stderr
    assert "nothing was changed: the running containers are as before" in unnoted.json["message"]
    assert "the journal lacks: migrate failed" in unnoted.stderr
    assert stands(found) == before
    assert not found.box.docker("volume", "ls", "-q", "--filter", f"label=migops.migration={sandbox.name}").strip()
    unnoted = deploy(found, at={"container:started": full})
    assert (unnoted.code, unnoted.json.get("outcome")) == (7, "operator"), unnoted.stderr + unnoted.stdout
    assert f"the database has moved on from {PRICE} to {NEW}" in unnoted.json["message"]
    assert stands(found) == (*before[:2], [NEW], ["kept", "new"])

    done = deploy(found)
    assert done.code == 0, done.stderr
    assert stands(found) == (found.image(), [found.image()], [NEW], ["kept", "new"])


@contextmanager
def small(folder: Path, options: str) -> Iterator[None]:
    """A small file system of its own at the folder."""
    folder.mkdir(exist_ok=True)
    subprocess.run(("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)), check=True)
    try:
        yield
    finally:
        subprocess.run(("umount", str(folder)), check=True)
