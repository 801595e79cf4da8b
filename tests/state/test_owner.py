"""Whose lock it is: what can be known of a process, and when it must be taken for alive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from migops.core.errors import Aborted
from migops.state import journal, lock, owner, process
from migops.state.process import INITIAL, Life, known, ourselves

SAY_WHO = """
import json, sys
from migops.state.process import ourselves
print(json.dumps(ourselves().record()), flush=True)
sys.stdin.read()
"""


@contextmanager
def another(*before: str) -> Iterator[tuple[process.Who, subprocess.Popen[str]]]:
    """Another process that says who it is, and lives until it is told to end."""
    words = (*before, sys.executable, "-c", SAY_WHO)
    running = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        yield known(json.loads(running.stdout.readline())), running
    finally:
        running.kill()
        running.communicate()


def test_it_lives_and_then_it_is_a_zombie_and_then_it_has_gone() -> None:
    with another() as (who, running):
        assert who.life is Life.LIVES
        running.kill()
        until = time.monotonic() + 120
        while "\nState:\tZ" not in Path(f"/proc/{running.pid}/status").read_text():
            assert time.monotonic() < until
            time.sleep(0.01)
        assert who.life is Life.GONE, "nobody has waited for it, but it does nothing any more"
    assert who.life is Life.GONE


def test_its_number_was_given_to_another_process() -> None:
    here = ourselves()
    ticks, _, boot = here.born.partition("@")
    assert replace(here, born=f"{int(ticks) - 1}@{boot}").life is Life.GONE


def test_after_a_reboot() -> None:
    """By a container's machine ID and namespace nobody can tell that it is the same machine, only restarted."""
    here = replace(ourselves(), born="1@another-boot")
    if not here.machine or here.namespace != INITIAL:
        assert here.life is Life.UNKNOWN
        return
    assert here.life is Life.GONE
    assert replace(here, machine="").life is Life.UNKNOWN
    assert replace(here, namespace="pid:[4026532999]").life is Life.UNKNOWN


@pytest.mark.parametrize("field", ["host", "machine", "namespace"])
def test_another_machine_or_container(field: str) -> None:
    """Its number may be anybody's here, and nobody's: neither says anything."""
    for pid in (os.getpid(), 4194303):
        assert replace(ourselves(), pid=pid, **{field: "elsewhere"}).life is Life.UNKNOWN


def test_what_0_1_0_noted_is_not_enough() -> None:
    here = ourselves()
    assert known({key: getattr(here, key) for key in ("user", "host", "pid", "born")}).life is Life.UNKNOWN
    label = {owner.ONE_OFF: f"{here.pid}@{here.host}"}
    who = owner.of_one_off(label)
    assert who is not None
    assert (who.pid, who.host, who.life) == (here.pid, here.host, Life.UNKNOWN)
    assert owner.of_one_off({owner.ONE_OFF: "nonsense"}) is not None
    assert owner.of_one_off({"another": "label"}) is None
    assert owner.of_one_off({**label, **owner.labels()}) == here


def test_a_record_that_cannot_be_read_is_nobody_that_is_known() -> None:
    for text in ("", "[]", "{", "null", '{"pid": "x", "after": 7}'):
        assert owner.read(text).who.life is Life.UNKNOWN
    made = owner.now("adopt", "/state", ("/other",), "t")
    assert owner.read(made.record()) == made


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make PID namespaces")
def test_another_pid_namespace() -> None:
    """Its number there means another process here, or none; with /proc of its own or without."""
    with another("unshare", "-pf", "--mount-proc") as (who, _):
        assert who.pid != ourselves().pid
        assert who.namespace not in ("", ourselves().namespace)
        assert who.life is Life.UNKNOWN
    assert who.life is Life.UNKNOWN, "that it has gone cannot be seen from here"
    with another("unshare", "-pf") as (who, _):
        assert (who.namespace, who.life) == ("", Life.UNKNOWN), "/proc shows other numbers than its own"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_proc_that_hides_other_users() -> None:
    """hidepid: a process that is not to be seen in /proc has not gone."""
    look = "from migops.state.process import known; import json, sys; print(known(json.loads(sys.argv[1])).life.value)"
    with another() as (who, _):
        words = ("mount -o remount,hidepid=2 /proc 2>/dev/null || mount -t proc -o hidepid=2 proc /proc; exec setpriv"
                 ' --reuid 65534 --regid 65534 --clear-groups "$@"')  # fmt: skip
        argv = ("unshare", "-m", "sh", "-c", words, "-", sys.executable, "-c", look, json.dumps(asdict(who)))
        found = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})
    assert (found.stdout.strip(), found.returncode) == ("unknown", 0), found.stderr


def test_what_has_no_lock_any_more_does_not_go_on(tmp_path: Path) -> None:
    """Of a run in another container only the kernel's lock on the state folder tells whether it goes on."""
    with journal.begin(tmp_path, "alembic upgrade"):
        (run,) = journal.runs(tmp_path)
    lines = run.path.read_text().splitlines()[:1]
    elsewhere = replace(ourselves(), namespace="pid:[1]", pid=7)
    run.path.write_text(json.dumps({**json.loads(lines[0]), "who": elsewhere.record()}) + "\n")
    assert [each.number for each in journal.interrupted(tmp_path)] == [1]
    with lock.host_lock(tmp_path, "rebuild-and-migrate"):
        assert [each.number for each in journal.interrupted(tmp_path)] == [1], "we have the lock, so it has not"
        path = tmp_path / lock.NAME
        path.write_text(json.dumps({**elsewhere.record(), "what": "alembic upgrade", "since": "now"}))
        assert journal.interrupted(tmp_path) == [], "it has the lock"


def test_a_lock_that_is_a_link(tmp_path: Path) -> None:
    other = tmp_path / "precious"
    other.write_text("precious")
    for link in (os.symlink, os.link):
        link(other, tmp_path / lock.NAME)
        with pytest.raises(Aborted, match="the lock"), lock.host_lock(tmp_path, "x"):
            pass
        assert lock.holder(tmp_path) is None
        assert other.read_text() == "precious"
        os.unlink(tmp_path / lock.NAME)


def test_a_lock_whose_file_was_removed_keeps_nobody_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file goes away between opening and locking it: then it is opened anew."""
    path, real = tmp_path / lock.NAME, lock._open
    opened = []

    def open_and_lose(where: Path) -> int:
        opened.append(real(where))
        if len(opened) == 1:
            path.unlink()
        return opened[-1]

    monkeypatch.setattr(lock, "_open", open_and_lose)
    with lock.host_lock(tmp_path, "x"):
        assert len(opened) == 2
        assert os.fstat(opened[-1]).st_ino == path.stat().st_ino


def test_a_look_at_the_lock_is_not_taken_for_another_run(tmp_path: Path) -> None:
    """`migops log` has the file locked for a moment."""
    look = f"""
import fcntl, os, sys, time
file = os.open({str(tmp_path / lock.NAME)!r}, os.O_RDWR | os.O_CREAT)
fcntl.flock(file, fcntl.LOCK_SH)
print("looks", flush=True); sys.stdin.readline(); time.sleep(0.1)
"""
    looking = subprocess.Popen((sys.executable, "-c", look), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert looking.stdout is not None
    assert looking.stdin is not None
    looking.stdout.readline()
    looking.stdin.write("\n")
    looking.stdin.flush()
    with lock.host_lock(tmp_path, "x"):
        assert lock.holder(tmp_path) is not None
    looking.communicate()
