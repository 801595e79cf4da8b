from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.engine import host, layout
from tests.engine.fixtures import SecondEngines
from tests.engine.second import second_engine as start_second


def test_a_frozen_daemon_hangs_and_a_thawed_one_answers(second_engine: SecondEngines) -> None:
    began = time.monotonic()
    second = second_engine()
    assert time.monotonic() - began < 120  # it is about 1.5 s; the machine may be busy
    second.freeze()
    with pytest.raises(subprocess.TimeoutExpired):
        second.engine.docker("ps", timeout=1)
    second.thaw()
    assert second.engine.docker("ps", "--quiet") == ""


def test_a_killed_daemon_leaves_its_containers_running_and_comes_back(second_engine: SecondEngines) -> None:
    second = second_engine(images=["python:3.11-slim"])
    container = second.engine.docker("run", "--detach", "--init", "python:3.11-slim", "sleep", "600").strip()
    pid = int(second.engine.docker("inspect", "--format", "{{.State.Pid}}", container))
    second.kill()
    assert Path(f"/proc/{pid}").exists()
    with pytest.raises(AssertionError, match="Cannot connect"):
        second.engine.docker("ps")
    second.restart()
    assert container in second.engine.docker("ps", "--all", "--quiet", "--no-trunc")


def test_tls_on_loopback_wants_the_clients_certificate(second_engine: SecondEngines, tmp_path: Path) -> None:
    second = second_engine(tls=True)
    assert second.engine.host.startswith("tcp://127.0.0.1:")
    assert second.engine.docker("version", "--format", "{{.Server.Version}}").strip() == second.engine.version
    certificates = Path(second.engine.changes["DOCKER_CERT_PATH"])
    shutil.copy(certificates / "ca.pem", tmp_path)
    stranger = {**second.engine.env, "DOCKER_CERT_PATH": str(tmp_path)}
    with pytest.raises(AssertionError, match=r"certificate required|bad certificate"):
        second.engine.docker("ps", env=stranger)
    stranger.pop("DOCKER_TLS_VERIFY")
    with pytest.raises(AssertionError, match=r"HTTPS server|HTTP response"):
        second.engine.docker("ps", env=stranger)


@pytest.mark.engine
def test_nothing_is_left_of_it() -> None:
    with start_second(images=["python:3.11-slim"]) as second:
        second.engine.docker("run", "--detach", "python:3.11-slim", "sleep", "600")
        daemon = second.daemon
        pid = daemon.pid
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()
    assert not daemon.folder.exists()
    assert not daemon.data.exists()
    assert host.mounts_below(layout.run() / daemon.name) == []
    assert not Path(f"/sys/class/net/{daemon.name}").exists()
