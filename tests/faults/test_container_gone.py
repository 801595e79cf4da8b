"""FAULTS 45, and 1 and 3 for the container place: what goes away, or falls silent, while a container is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migops.docker import Engine, connect, containers
from tests.containers import check
from tests.engine.proxy import Fault, Proxy
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine

VERSIONS = "/app/migrations/versions"
Proxies = Callable[[Fault | None], Proxy]


@pytest.fixture
def running(sandbox: Sandbox) -> Path:
    """The clean example with an anonymous volume over its versions folder, running."""
    project = example("clean", sandbox.path)
    with (project / "Dockerfile").open("a") as dockerfile:
        dockerfile.write(f"VOLUME {VERSIONS}\n")
    sandbox.compose("build", "-q", "app", cwd=project)
    sandbox.compose("up", "-d", "--no-deps", "app", cwd=project)
    return project


@pytest.fixture
def connected(sandbox: Sandbox) -> Iterator[Engine]:
    with connect(environment=sandbox.env) as engine:
        yield engine


def service(box: Sandbox) -> dict[str, Any]:
    with connect(environment=box.env) as engine:
        found = containers.inspect(engine, f"{box.name}-app-1")
    assert found is not None
    return found


def test_the_volume_outlives_a_probe_whose_service_went_away(
    sandbox: Sandbox, running: Path, connected: Engine
) -> None:
    inspected = service(sandbox)
    volume = inspected["Mounts"][0]["Name"]
    with containers.view(connected, inspected["Id"], inspected["Image"], {}) as (probe, _):
        sandbox.docker("rm", "-f", inspected["Id"])
        assert probe in sandbox.docker("ps", "-a", "--format", "{{.Names}}")
    assert probe not in sandbox.docker("ps", "-a", "--format", "{{.Names}}")
    try:
        where = Path(sandbox.docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume).strip())
        assert len(list(where.glob("*.py"))) == 2, "with all that is in it"
    finally:
        sandbox.docker("volume", "rm", volume)


def test_a_probe_that_a_killed_run_left_is_swept_without_its_volumes(
    sandbox: Sandbox, running: Path, connected: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspected = service(sandbox)
    volume = inspected["Mounts"][0]["Name"]
    name = f"migops-probe-{sandbox.name}"
    assert containers._create(connected, name, inspected["Id"], inspected["Image"], {}, ()) is None
    sandbox.docker("rm", "-f", inspected["Id"])
    real = connected.containers
    monkeypatch.setattr(
        connected, "containers", lambda labels: [item for item in real(labels) if f"/{name}" in item["Names"]]
    )
    containers._sweep(connected)
    assert name in sandbox.docker("ps", "-a", "--format", "{{.Names}}"), "a young one may be somebody's"
    monkeypatch.setattr(containers, "_VIEW_AGE", -3600.0)
    containers._sweep(connected)
    assert name not in sandbox.docker("ps", "-a", "--format", "{{.Names}}")
    sandbox.docker("volume", "rm", volume)


@pytest.mark.parametrize("stall", [False, True], ids=["cut", "silent"])
def test_a_stream_that_ends_while_a_container_is_read_is_no_verdict(
    sandbox: Sandbox, running: Path, engine_proxy: Proxies, monkeypatch: pytest.MonkeyPatch, stall: bool
) -> None:
    proxy = engine_proxy(None)
    real = containers.view

    @contextmanager
    def armed(*arguments: Any) -> Iterator[Any]:
        with real(*arguments) as found:
            proxy.fault = Fault(after=1500, stall=stall, on=b"/archive?")
            try:
                yield found
            finally:
                proxy.fault = None

    monkeypatch.setattr("migops.sources.container_files.view", armed)
    box = Sandbox(sandbox.engine, sandbox.name, sandbox.path)
    monkeypatch.setattr(Sandbox, "env", property(lambda self: {**self.engine.env, "COMPOSE_PROJECT_NAME": self.name,
                                                                "DOCKER_HOST": proxy.host}))  # fmt: skip
    started = time.monotonic()
    found = check(box, running, "--timeout", "3")
    assert proxy.struck
    assert time.monotonic() - started < 120
    assert found.code == 3
    place = next(place for place in found.json["places"] if place["place"] == "container")
    assert place["status"] == "unknown"
    assert place["reason"].startswith(f"{sandbox.name}-app-1: ")
    assert {skipped["rule"] for skipped in found.json["skipped"]} >= {"MIG202", "MIG203", "MIG204"}
