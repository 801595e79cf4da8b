"""FAULTS.md 20, 21, 34, 35 and 39 for the deploy, and the password: it appears nowhere while all that goes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.stack import PRICE, stack
from tests.engine import debian, layout
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import address, begin, deploy, end, ended, noted, sleeps, stands, until, until_it_sleeps
from tests.faults.test_alembic import CANARY, pgbouncer
from tests.faults.test_backup import command_lines
from tests.kit import Result

pytestmark = pytest.mark.engine

FIRST = "b00000000001"
ROW = "op.execute(\"insert into product (title) values ('new')\")"


def test_20_21_34_35_39_one_at_a_time(sandbox: Sandbox) -> None:
    found = stack(sandbox, password=CANARY)
    before = stands(found)
    found.write(FIRST, PRICE, f"op.execute('select pg_sleep(600)')\n    {ROW}")
    said: list[Result] = []
    with watched() as seen:
        go = sandbox.path / "go"
        running = begin(found, at={"backup:done": f"until [ -e {go} ]; do sleep 0.1; done"})
        until(lambda: found.journals() and "backup:done" in noted(found), "it has the database's lock")

        # 20: a second run on this host, whose clock is ten years on
        said.append(second := deploy(found, **clock(sandbox.path, "+3650d")))
        assert (second.code, second.json["error"]["exit"]) == (4, 4), second.stderr
        holder = f"`rebuild-and-migrate` by root@{socket.gethostname()}, process {running.pid}"
        assert holder in second.stderr

        # 21: one on another host, before the first one migrates and meanwhile
        elsewhere = {"XDG_STATE_HOME": str(sandbox.path / "elsewhere")}
        said.append(third := deploy(found, **elsewhere))
        assert third.code == 4, third.stderr
        assert f"has the lock of {sandbox.name} on the engine: {holder}" in third.json["error"]["message"]
        go.write_text("")
        until_it_sleeps(found)
        said.append(third := deploy(found, **elsewhere))
        assert third.code == 4, third.stderr
        assert f"on the engine: {holder}" in third.stderr
        assert sleeps(found), "the first is not disturbed"

        # 34: the session with the lock is ended
        found.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'migops dep%'")
        said.append(lost := ended(running))
        assert (lost.code, lost.json["outcome"]) == (6, "failed"), lost.stderr
        assert "was stopped, because the session that held the lock" in lost.json["message"]
        assert not sleeps(found)
        assert stands(found) == before
        assert (end(found)["outcome"], end(found)["exit"]) == ("failed", 6)

        # 35: a pooler in between
        with pgbouncer(sandbox, address(found)) as pooler:
            url = f"postgresql://shop:{CANARY}@{pooler}:6432/shop"
            said.append(pooled := deploy(found, "--no-backup", MIGOPS_DATABASE_URL=url))
        assert pooled.code == 2, pooled.stderr
        assert "a pooler (PgBouncer or the like) stands before postgresql://shop@" in pooled.stderr
        assert stands(found) == before

        # 39: the clock jumps to and fro while it works
        found.write(FIRST, PRICE, ROW)
        time = clock(sandbox.path, "+0")
        jumps = {"backup:started": "+3650d", "container:started": "-3650d", "swap:started": "+1d"}
        at = {point: f"echo {to} > {time['FAKETIME_TIMESTAMP_FILE']}" for point, to in jumps.items()}
        said.append(jumped := deploy(found, "--keep-days", "1", at=at, **time))
        assert jumped.code == 0, jumped.stderr
        assert all(0 <= step["seconds"] < 100 for step in jumped.json["steps"])
        years = {line["at"][:4] for line in found.journals()[-1]}
        assert len(years) == 3, "it did see the clock jump"
        assert Path(jumped.json["backup"]).exists()
        assert stands(found) == (found.image(), [found.image()], [FIRST], ["kept", "new"])
    assert any("alembic" in text for text in seen.values()), "the watcher has seen it at work"
    assert not [text for text in seen.values() if CANARY in text and " psql " not in text], "psql is the test's own"
    assert not [each for each in said if CANARY in each.stdout + each.stderr]
    files = [each for each in sandbox.path.rglob("*/migops/**/*") if each.is_file() and each.suffix != ".dump"]
    assert files
    assert not [each for each in files if CANARY.encode() in each.read_bytes()]


@contextmanager
def watched() -> Iterator[dict[int, str]]:
    """The command lines of this machine, containers among them, with the canary or Alembic in them meanwhile."""
    seen: dict[int, str] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            seen.update(command_lines("alembic"))
            seen.update(command_lines(CANARY))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def clock(folder: Path, shift: str) -> dict[str, str]:
    """Debian's libfaketime: the environment in which a process has another date, which a file says; no other clock."""

    def unpack(new: Path) -> None:
        debian.require()
        new.mkdir()
        debian.unpack("bookworm", ["libfaketime"], new / "root")

    with layout.locked("faketime"):
        unpacked = layout.made(layout.cache() / "faketime-bookworm", unpack)
    (library,) = unpacked.rglob("libfaketime.so.1")
    told = folder / "clock"
    told.write_text(f"{shift}\n")
    return {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(told), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
