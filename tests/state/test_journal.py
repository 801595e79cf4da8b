"""The journal, the state folder and the host's lock: what stays of a run, and what the next one is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from migops.core.errors import Aborted, Failed, Locked, ManualActionRequired
from migops.docker import Engine
from migops.state import journal, lock, state_folder
from migops.state.process import known, ourselves

ENGINE = cast(Engine, SimpleNamespace(id=lambda: "AB:CD/../x"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_that_ends_well(tmp_path: Path) -> None:
    with journal.begin(tmp_path, "alembic upgrade", ["head"]) as log:
        log.note("migrate", "started", image="sha256:1")
        log.note("migrate", "done", rows=["a"])
    (run,) = journal.runs(tmp_path)
    assert (run.number, run.command, run.arguments) == (1, "alembic upgrade", ("head",))
    assert (run.outcome, run.exit) == ("done", 0)
    assert [(step["step"], step["status"]) for step in run.steps] == [("migrate", "started"), ("migrate", "done")]
    assert run.who == ourselves()
    assert run.path.stat().st_mode & 0o777 == 0o600
    assert journal.interrupted(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "word", "code"),
    [
        (Aborted("a"), "aborted", 5), (Failed("b"), "failed", 6), (ManualActionRequired("c"), "operator", 7),
        (Locked("d"), "aborted", 4), (KeyboardInterrupt(), "interrupted", 130), (ValueError("e"), "bug", 70),
    ],
)  # fmt: skip
def test_how_it_ended(tmp_path: Path, error: BaseException, word: str, code: int) -> None:
    with pytest.raises(type(error)), journal.begin(tmp_path, "x"):
        raise error
    (run,) = journal.runs(tmp_path)
    assert (run.outcome, run.exit) == (word, code)


def test_a_disk_that_fills_up_undoes_nothing_that_was_done(tmp_path: Path) -> None:
    """What is not begun yet is not begun; what was done stands. A line that was torn costs no other one."""
    with journal.begin(tmp_path, "alembic upgrade") as log:
        log.note("alembic", "started")
        ours, log.descriptor = log.descriptor, os.open("/dev/full", os.O_WRONLY)
        assert "the journal lacks: alembic done" in log.noted("alembic", "done")
        with pytest.raises(Aborted, match="No space left"):
            log.note("alembic", "started", attempt=2)
        os.close(log.descriptor)
        log.descriptor, log.is_torn = ours, True
        os.write(ours, b'{"at": "half of a li')
        log.note("alembic", "failed")
    (run,) = journal.runs(tmp_path)
    assert ([step["status"] for step in run.steps], run.outcome) == (["started", "failed"], "done")
    with journal.begin(tmp_path, "full") as log:
        os.close(log.descriptor)
        log.descriptor = os.open("/dev/full", os.O_WRONLY)
    assert journal.runs(tmp_path)[-1].outcome == "", "it has ended well all the same"


def test_no_secret_of_a_bug_is_written_down(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="canary"), journal.begin(tmp_path, "x"):
        raise ValueError("cannot parse postgresql://app:canary-7f3a@db/app")
    assert "canary" not in next((tmp_path / "journal").iterdir()).read_text()


def test_a_killed_run_is_interrupted_until_another_of_its_kind_ends(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path; import os, signal
from migops.state import journal
with journal.begin(Path({str(tmp_path)!r}), "alembic upgrade") as log:
    log.note("migrate", "started")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run((sys.executable, "-c", code), check=False)
    (run,) = journal.interrupted(tmp_path)
    assert (run.last["step"], run.outcome) == ("migrate", "")
    with (run.path).open("a") as file:
        file.write('{"at": "2026", "step": "mig')  # as a crash may leave it
    assert len(journal.interrupted(tmp_path)) == 1
    with journal.begin(tmp_path, "backup"):
        assert len(journal.interrupted(tmp_path)) == 1
    assert len(journal.interrupted(tmp_path)) == 1, "a backup says nothing of it"
    with pytest.raises(Failed), journal.begin(tmp_path, "alembic upgrade"):
        raise Failed("it did not work")
    assert len(journal.interrupted(tmp_path)) == 1
    with journal.begin(tmp_path, "alembic upgrade"):
        pass
    assert journal.interrupted(tmp_path) == []
    assert [run.number for run in journal.runs(tmp_path)] == [1, 2, 3, 4]


def test_a_number_that_was_given_again_is_another_process() -> None:
    assert ourselves().is_alive
    record = {**ourselves().record(), "born": "1@another-boot"}
    assert not known(record).is_alive
    assert known({**record, "host": "elsewhere"}).is_alive


def test_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = state_folder.folder(ENGINE, "shop")
    assert folder == tmp_path / "state/migops/AB-CD-..-x/shop"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(Aborted, match="cannot write to the state folder"):
        state_folder.folder(ENGINE, "shop")


def test_one_run_at_a_time(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path; import sys
from migops.state.lock import host_lock
with host_lock(Path({str(tmp_path)!r}), "rebuild-and-migrate app"):
    print("held", flush=True); sys.stdin.read()
"""
    with lock.host_lock(tmp_path, "alembic upgrade"):
        found = lock.holder(tmp_path)
        assert found is not None
        assert (found.what, found.who) == ("alembic upgrade", ourselves())
    assert lock.holder(tmp_path) is None
    other = subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    named = rf"`rebuild-and-migrate app` by .*process {other.pid}"
    with pytest.raises(Locked, match=named), lock.host_lock(tmp_path, "x"):
        pass
    other.kill()
    other.communicate()
    with lock.host_lock(tmp_path, "after it was killed"):
        assert os.path.exists(tmp_path / "lock")
