"""The lock on the engine: one run at a time of a project, from whichever host, user or state folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from migops.core.errors import Locked
from migops.docker import Engine, connect, placeholder
from migops.state import engine_lock, journal, owner, stale_locks
from migops.state.engine_lock import LABEL, EngineLock, LockLost, look, name_of
from migops.state.owner import Owner
from migops.state.process import ourselves
from tests.engine.fixtures import SecondEngines
from tests.engine.sandbox import Sandbox

pytestmark = pytest.mark.engine

UNLOCK = ("migops", "log", "--unlock")
HOLD = """
import os, sys
from pathlib import Path
from migops.docker import connect
from migops.state import journal
from migops.state.engine_lock import run_lock
folder = Path(sys.argv[1])
with connect() as engine, run_lock(engine, folder, sys.argv[2], "rebuild-and-migrate app", ()) as lock:
    with journal.begin(folder, "rebuild-and-migrate", ["app"]):
        print(lock.id, flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def engine_(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)
    with connect() as found:
        yield found


def taking(engine: Engine, project: str, folder: Path) -> EngineLock:
    """A lock that is taken as a run takes it."""
    lock = EngineLock(engine, project, owner.now("alembic upgrade", str(folder), token=str(folder)), UNLOCK)
    lock.take()
    return lock


def left_by(engine: Engine, project: str, who: Owner) -> str:
    """The lock of a run that is not here."""
    image = placeholder.import_empty(engine, LABEL)
    made, _ = placeholder.create(engine, name_of(project), image, {LABEL: who.record()})
    assert made
    return made


def begun(box: Sandbox, folder: Path) -> subprocess.Popen[str]:
    """A run in another process, with a state folder of its own, that has the lock."""
    folder.mkdir()
    running = subprocess.Popen((sys.executable, "-c", HOLD, str(folder), box.name), env=box.env,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert running.stdout is not None
    assert running.stdout.readline()
    return running


def test_one_run_at_a_time_and_nothing_is_left(sandbox: Sandbox, engine_: Engine) -> None:
    first = begun(sandbox, sandbox.path / "first")
    made = json.loads(sandbox.docker("inspect", name_of(sandbox.name)))[0]
    image = json.loads(sandbox.docker("image", "inspect", made["Image"]))[0]
    assert (made["State"]["Status"], list(made["Config"]["Labels"])) == ("created", [LABEL]), "compose never sees it"
    noted = json.loads(made["Config"]["Labels"][LABEL])
    assert (noted["pid"], noted["command"]) == (first.pid, "rebuild-and-migrate app")
    assert {key for key in ("user", "host", "machine", "born", "namespace", "since") if noted[key]}
    assert made["Mounts"] == []
    assert image["RepoTags"] == []
    with pytest.raises(Locked, match=f"`rebuild-and-migrate app` by .*, process {first.pid}") as kept:
        taking(engine_, sandbox.name, sandbox.path / "second")
    assert f"ps -p {first.pid}" in kept.value.hint
    first.communicate("")
    assert look(engine_, sandbox.name) is None
    with (
        pytest.raises(RuntimeError, match="a bug"),
        engine_lock.engine_lock(engine_, sandbox.path, sandbox.name, "x", ()),
    ):
        raise RuntimeError("a bug")
    assert look(engine_, sandbox.name) is None
    assert sandbox.engine.docker("images", "-q", "--no-trunc", "--filter", "dangling=true").find(image["Id"]) == -1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_after_a_signal(sandbox: Sandbox, engine_: Engine, number: signal.Signals) -> None:
    """After a kill the next run takes over, without asking."""
    first = begun(sandbox, sandbox.path / "first")
    first.send_signal(number)
    first.communicate()
    assert (look(engine_, sandbox.name) is None) == (number is signal.SIGINT)
    lock = taking(engine_, sandbox.name, sandbox.path / "second")
    try:
        lock.check()
        assert lock.took_over == (number is signal.SIGKILL)
        assert lock.unchecked == ((sandbox.path / "first",) if lock.took_over else ())
        assert lock.owner.after == tuple(map(str, lock.unchecked))
        lock.release()
        assert (look(engine_, sandbox.name) is None) == (not lock.took_over), "who came before is not forgotten"
    finally:
        lock.checked()
        lock.release()
    assert look(engine_, sandbox.name) is None


def test_it_is_pruned_and_taken_by_another(sandbox: Sandbox, engine_: Engine) -> None:
    lock = taking(engine_, sandbox.name, sandbox.path)
    lock.check()
    sandbox.docker("rm", name_of(sandbox.name))  # which is what `docker container prune` does to it
    with pytest.raises(LockLost, match="was removed"):
        lock.check()
    other = begun(sandbox, sandbox.path / "other")
    with pytest.raises(LockLost, match=f"process {other.pid}, since .* holds it now"):
        lock.check()
    with pytest.raises(Locked):
        lock.take()
    lock.release()
    found = look(engine_, sandbox.name)
    assert found is not None
    assert found.owner.who.pid == other.pid, "what is another's is not released"
    other.communicate("")
    lock.take()
    lock.check()
    lock.release()


def test_who_is_not_known_keeps_it(sandbox: Sandbox, engine_: Engine) -> None:
    """Another host, another container, a record that cannot be read, a container of someone else: never by age."""
    box, here = sandbox.path, ourselves()
    old = replace(owner.now("adopt", str(box)), since="2001-01-01T00:00:00+00:00")
    for who in (replace(here, host="elsewhere"), replace(here, namespace="pid:[1]"), replace(here, machine="x")):
        made = left_by(engine_, sandbox.name, replace(old, who=who))
        with pytest.raises(Locked, match="`adopt` by") as kept:
            taking(engine_, sandbox.name, box / "second")
        assert kept.value.hint.endswith("release its lock: migops log --unlock")
        assert "whether it is running is unknown here (it ran " in kept.value.hint
        found = look(engine_, sandbox.name)
        assert found is not None
        assert found.id == made
        engine_lock.remove(engine_, found)
    sandbox.docker("create", "--name", name_of(sandbox.name), "python:3.11-slim")
    with pytest.raises(Locked, match="not from migops"):
        taking(engine_, sandbox.name, box / "second")
    sandbox.docker("rm", name_of(sandbox.name))


def test_whose_journal_is_out_of_reach_keeps_it(sandbox: Sandbox, engine_: Engine) -> None:
    """What it may have left at work on the database server cannot be told then."""
    gone = replace(ourselves(), pid=4194303)
    left_by(engine_, sandbox.name, replace(owner.now("alembic upgrade", str(sandbox.path / "not-here")), who=gone))
    with pytest.raises(Locked) as kept:
        taking(engine_, sandbox.name, sandbox.path / "second")
    assert "its process is gone, but migops cannot read its journal in " in kept.value.hint
    (sandbox.path / "not-here").mkdir()
    lock = taking(engine_, sandbox.name, sandbox.path / "second")
    lock.checked()
    lock.release()


def test_its_migration_has_ended(sandbox: Sandbox, engine_: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here knows the owner, but the container in which it had Alembic run is there, and has ended."""
    monkeypatch.setattr(stale_locks, "SETTLE", 0.2)
    folder = sandbox.path / "state"
    folder.mkdir()
    elsewhere = replace(ourselves(), namespace="pid:[1]", pid=7)
    with journal.begin(folder, "rebuild-and-migrate", ["app"]):
        pass
    path = next((folder / "journal").iterdir())
    first = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps({**first, "who": elsewhere.record()}) + "\n")
    left_by(engine_, sandbox.name, replace(owner.now("rebuild-and-migrate app", "/not/here"), who=elsewhere))
    with pytest.raises(Locked):
        taking(engine_, sandbox.name, folder)

    name = f"{sandbox.name}-migrate"
    labels = {"com.docker.compose.project": sandbox.name, owner.OWNER: json.dumps(elsewhere.record())}
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    sandbox.docker("run", "-d", "--name", name, *words, "python:3.11-slim", "sleep", "300")
    with pytest.raises(Locked):
        taking(engine_, sandbox.name, folder)
    sandbox.docker("kill", name)
    sandbox.docker("wait", name)  # the signal is sent; the end of the container follows
    with pytest.raises(Locked) as kept:
        taking(engine_, sandbox.name, sandbox.path / "second")
    assert "cannot read its journal in /not/here here" in kept.value.hint
    lock = taking(engine_, sandbox.name, folder)
    assert (lock.took_over, lock.unchecked) == (True, ())
    lock.release()
    assert look(engine_, sandbox.name) is None


def test_no_image_at_all(second_engine: SecondEngines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    second = second_engine()
    for name, value in second.engine.env.items():
        monkeypatch.setenv(name, value)
    with connect() as engine:
        assert engine.images() == []
        lock = taking(engine, "shop", tmp_path)
        with pytest.raises(Locked):
            taking(engine, "shop", tmp_path)
        second.engine.docker("image", "prune", "-f")
        lock.check()
        second.engine.docker("container", "prune", "-f")
        with pytest.raises(LockLost):
            lock.check()
        lock.take()
        lock.release()
        assert engine.images() == []
        assert second.engine.docker("ps", "-aq") == ""
    assert os.listdir(tmp_path) == []
