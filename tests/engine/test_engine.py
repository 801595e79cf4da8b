from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import debian, engine, releases
from tests.engine.daemon import Daemon
from tests.engine.engine import Engine
from tests.engine.errors import EngineUnavailable
from tests.engine.fixtures import asked_version

REPO = Path(__file__).parents[2]


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not engine.misleads(key)}
    words = [sys.executable, "-m", "tests.engine", *arguments]
    return subprocess.run(words, cwd=REPO, env={**env, **variables}, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("engine")
def test_a_second_up_starts_nothing_and_env_leads_to_the_same_engine() -> None:
    version = ("--engine", asked_version() or releases.DEFAULT)
    command("up", *version)
    daemon = engine.daemon_of(releases.release(version[1]))
    before = daemon.pid
    assert command("up", *version).returncode == 0
    assert daemon.pid == before, "it was not started anew"
    script = (
        f'eval "$({sys.executable} -m tests.engine env {" ".join(version)})"; docker version; docker compose version'
    )
    done = subprocess.run(["bash", "-c", script], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Server:" in done.stdout
    assert "Docker Compose version" in done.stdout


def test_the_engine_is_the_one_that_was_asked_for(engine: Engine) -> None:
    asked = asked_version()
    if asked:
        assert engine.version.startswith(asked)
    assert engine.compose("version", cwd=REPO).startswith("Docker Compose version")
    images = engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    assert {"python:3.11-slim", "postgres:15"} <= set(images)


def test_a_named_engine_that_is_silent_is_an_error_with_its_name(tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/nobody.sock"
    done = command("up", DOCKER_HOST=address, MIGOPS_TEST_ENGINE="")
    assert done.returncode == 1
    assert address in done.stderr
    assert "Traceback" not in done.stderr


def test_status_of_an_engine_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    done = command("status", "--engine", "20.10", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "no engine is running" in done.stderr


def test_down_stops_nothing_that_it_did_not_start(tmp_path: Path) -> None:
    done = command("down", "--engine", "26.1", XDG_CACHE_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "no private engine was running\n")


def test_without_root_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(EngineUnavailable, match="only root can start a private one"):
        debian.require()


def test_elsewhere_than_on_debian_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "_os_release", lambda: {"ID": "fedora"})
    with pytest.raises(EngineUnavailable, match="Debian's packages"):
        debian.require()


def test_an_engine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match=r"choose one of 20\.10, 26\.1, 28"):
        releases.release("19.03")


@pytest.mark.engine
def test_a_daemon_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    debian.require()
    programs = engine.daemon_of(releases.release(releases.DEFAULT)).programs
    daemon = Daemon(f"mt-{os.getpid():x}", programs, tmp_path / "data", {"storage-driver": "no-such-driver"})
    try:
        with pytest.raises(EngineUnavailable, match="no-such-driver"):
            daemon.start()
        assert daemon.pid is None
    finally:
        shutil.rmtree(daemon.folder)
