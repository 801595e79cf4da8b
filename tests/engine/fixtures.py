"""The fixtures with which tests use a real engine. The root conftest loads this module as a plugin."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.engine import engine as engines
from tests.engine import proxy as proxies
from tests.engine import second
from tests.engine.engine import Engine
from tests.engine.longest import ordered
from tests.engine.runs import Run
from tests.engine.sandbox import Sandbox

_NEEDING = {"engine", "second_engine"}
_RUN = pytest.StashKey[Run]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever uses an engine, so that `-m "not engine"` surely needs none."""
    for item in items:
        if _NEEDING & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.engine)


@pytest.hookimpl(specname="pytest_collection_modifyitems", trylast=True)
def order_for_several(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes run the tests, the longest come first: see `longest`."""
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    if processes > 1:
        items[:] = ordered(items, processes)


def asked_version() -> str | None:
    """The engine that MIGOPS_TEST_ENGINE asks for (`make test ENGINE=20.10`), or None for whichever there is."""
    return os.environ.get("MIGOPS_TEST_ENGINE") or None


def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of this run know it as one."""
    told = getattr(config, "workerinput", {}).get("migops_run")
    config.stash[_RUN] = Run(*told) if told else Run.new()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist, which is about to start, whose it is."""
    node.workerinput["migops_run"] = astuple(node.config.stash[_RUN])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """When all workers are done, hold the engine against what it was. What is left is an error of the run."""
    run = session.config.stash[_RUN]
    if hasattr(session.config, "workerinput") or not run.begun:
        return
    found = engines.running(asked_version())
    left = run.end(found) if found else ["nobody knows what: the engine does not answer any more"]
    if left:
        report = pytest.TestReport(
            nodeid="the whole run",
            location=(__file__, None, "the whole run"),
            keywords={},
            outcome="failed",
            longrepr="the tests left behind:\n" + "\n".join(left),
            when="teardown",
        )
        session.config.hook.pytest_runtest_logreport(report=report)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def engine_run(pytestconfig: pytest.Config) -> Run:
    """This run of pytest, as other runs on the machine see it."""
    return pytestconfig.stash[_RUN]


@pytest.fixture(scope="session")
def engine(engine_run: Run) -> Engine:
    """The engine of this run. That there is none is an error, never a skip. At the end it must be as it was."""
    found = engines.up(asked_version())
    engine_run.begin(found)
    return found


@pytest.fixture
def sandbox(engine: Engine, engine_run: Run, tmp_path: Path) -> Iterator[Sandbox]:
    """A folder and a name of the test's own; what carries the name is removed from the engine afterwards."""
    name = f"{engine_run.token}{secrets.token_hex(3)}"
    path = tmp_path / name
    path.mkdir()
    box = Sandbox(engine, name, path)
    yield box
    box.clean()


@pytest.fixture
def engine_environ(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the engine's variables into os.environ, for tests that call migops in this very process."""
    for key in list(os.environ):
        if engines.misleads(key):
            monkeypatch.delenv(key)
    for key, value in engine.changes.items():
        monkeypatch.setenv(key, value)


class SecondEngines(Protocol):
    """How `second_engine` is called: see `tests.engine.second.second_engine`."""

    def __call__(
        self,
        *,
        version: str | None = None,
        images: Sequence[str] = (),
        tls: bool = False,
        data: Path | None = None,
    ) -> second.SecondEngine: ...


@pytest.fixture
def second_engine() -> Iterator[SecondEngines]:
    """Start daemons that the test may freeze or kill, or that speak TLS on loopback. They end with the test."""
    with ExitStack() as after:

        def start(
            *,
            version: str | None = None,
            images: Sequence[str] = (),
            tls: bool = False,
            data: Path | None = None,
        ) -> second.SecondEngine:
            version = version or asked_version()
            return after.enter_context(second.second_engine(version, images=images, tls=tls, data=data))

        yield start


@pytest.fixture
def engine_proxy(engine: Engine) -> Iterator[Callable[[proxies.Fault | None], proxies.Proxy]]:
    """Start proxies in front of the engine's socket that cut or stall its answers."""
    with ExitStack() as after:

        def start(fault: proxies.Fault | None = None) -> proxies.Proxy:
            folder = after.enter_context(tempfile.TemporaryDirectory(prefix="mt-"))  # tmp_path may be too long
            listen = Path(folder) / "engine.sock"
            return after.enter_context(proxies.proxy(engine.socket, listen, fault))

        yield start
