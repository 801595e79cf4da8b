"""The fixtures with which tests use a real engine. The root conftest loads this module as a plugin."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.engine import engine as engines
from tests.engine import proxy as proxies
from tests.engine import sandbox as sandboxes
from tests.engine import second
from tests.engine.engine import Engine
from tests.engine.inventory import Inventory
from tests.engine.sandbox import Sandbox, Session

_NEEDING = {"engine", "second_engine"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever uses an engine, so that `-m "not engine"` surely needs none."""
    for item in items:
        if _NEEDING & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.engine)


def asked_version() -> str | None:
    """The engine that MIGOPS_TEST_ENGINE asks for (`make test ENGINE=20.10`), or None for whichever there is."""
    return os.environ.get("MIGOPS_TEST_ENGINE") or None


@pytest.fixture(scope="session")
def engine_session() -> Iterator[Session]:
    """This run of pytest, as other runs on the machine see it."""
    with sandboxes.session() as session:
        yield session


@pytest.fixture(scope="session")
def session_token() -> str:
    """What the names of all sandboxes of this run begin with."""
    return f"mt{secrets.token_hex(3)}"


@pytest.fixture(scope="session")
def engine(engine_session: Session, session_token: str) -> Iterator[Engine]:
    """The engine of this run. That there is none is an error, never a skip. At the end it must be as it was."""
    found = engines.up(asked_version())
    before = Inventory.of(found).ids()
    yield found
    now = Inventory.of(found)
    left = now.belonging_to(session_token).ids()
    if engine_session.alone(found):
        left = now.ids() - before
    if left:
        pytest.fail("the tests left behind:\n" + "\n".join(sorted(left)), pytrace=False)


@pytest.fixture
def sandbox(engine: Engine, engine_session: Session, session_token: str, tmp_path: Path) -> Iterator[Sandbox]:
    """A folder and a name of the test's own; what carries the name is removed from the engine afterwards."""
    before = Inventory.of(engine)
    name = f"{session_token}{secrets.token_hex(2)}"
    path = tmp_path / name
    path.mkdir()
    box = Sandbox(engine, name, path)
    yield box
    box.clean(before, alone=engine_session.alone(engine))


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
