"""A disposable server on a real engine: what is reached from it and what is not, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migops import collect, target
from migops import sandbox as throwaway
from migops.collect.database_query import Ask, question
from migops.collect.state import host_home
from migops.compose import ComposeOptions
from migops.core.errors import Unavailable
from migops.core.model import MigrationSet, PlaceName
from migops.database import connect as ask
from migops.docker import Engine, connect, making
from migops.docker.containers import inspect
from migops.sandbox.owned import LABEL, sweep
from migops.sources.database import Reached, reach
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine


@contextmanager
def made(project: Path, variables: dict[str, str]) -> Iterator[tuple[Engine, throwaway.Server, Reached]]:
    """A disposable server like the database of the example, and how the live one is reached."""
    found = target.resolve(target.Wanted(), ComposeOptions(), variables, project)
    assert found.model is not None
    with connect(environment=variables) as engine:
        seen = collect.running(found, engine)
        held = seen.places[PlaceName.IMAGE]
        assert isinstance(held, MigrationSet)
        assert seen.image is not None
        assert seen.image_config is not None
        environment = seen.image_config.env
        asked = question(found, held, host_home(seen), seen.home, lambda: engine, environment, Ask())
        reached = reach(asked)
        assert isinstance(reached, Reached)
        live = throwaway.live_of(engine, found.model, reached.named)
        service = found.model.services[found.service]
        app = throwaway.app_of(found.model, service, seen.image.id, live, working_dir="/app", code=held.location)
        with throwaway.server(engine, live, app) as server:
            yield engine, server, reached


def tables(reached: Reached | throwaway.Server) -> list[str]:
    with ask(reached.url, timeout=10) as connection:
        found = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [str(name) for (name,) in found]


def ours(engine: Engine, pid: int) -> list[str]:
    """What of this process is there."""
    listed = [*making.containers(engine, LABEL), *making.networks(engine, LABEL)]
    return [str(each["Id"]) for each in listed if f'"pid": {pid},' in each["Labels"][LABEL]]


def env_py(project: Path, host: str) -> bytes:
    """The example's env.py with a URL of its own."""
    text = (project / "migrations/env.py").read_text()
    url = f"postgresql+psycopg://shop:only-for-this-example@{host}:5432/shop?connect_timeout=3"
    return text.replace('os.environ["DATABASE_URL"]', repr(url)).encode()


def test_the_live_database_is_not_reached(sandbox: Sandbox) -> None:
    """FAULTS 44: an env.py that builds its own URL meets the disposable server, or nobody."""
    project = example("clean", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    sandbox.compose("up", "-d", "--wait", "db", cwd=project)
    with made(project, sandbox.env) as (engine, server, live):
        assert (inspect(engine, server.name) or {})["Mounts"] == [], "its data is in memory: no volume is made for it"
        plain = server.run(["alembic", "upgrade", "head"])
        assert (plain.code, tables(server), tables(live)) == (0, ["alembic_version", "product"], [])
        server.fresh_database()
        assert tables(server) == []
        replaced = {"/app/migrations/env.py": env_py(project, "db")}
        assert server.run(["alembic", "upgrade", "head"], files=replaced).code == 0
        assert (tables(server), tables(live)) == (["alembic_version", "product"], [])
        server.fresh_database()
        for host in (live.url.host, f"{sandbox.name}_default", "host.docker.internal"):
            replaced = {"/app/migrations/env.py": env_py(project, host)}
            ran = server.run(["alembic", "upgrade", "head"], files=replaced)
            assert ran.code != 0, host
            assert "only-for-this-example" not in ran.output
        assert (tables(server), tables(live)) == ([], [])
        with pytest.raises(Unavailable, match="not found"):
            server.run(["no-such-program"])
        assert len(ours(engine, os.getpid())) == 2, "the server and its network; one-offs are gone at once"
    with connect(environment=sandbox.env) as engine:
        assert ours(engine, os.getpid()) == []
    _survives_nothing(project, sandbox)


def _survives_nothing(project: Path, box: Sandbox) -> None:
    """However the process ends: by a signal it takes everything away, and after SIGKILL the next run does."""
    code = (
        "import sys, time; from pathlib import Path; from tests.sandbox.test_on_engine import made; import os\n"
        "from migops.cli.main import _signals_raise\n"
        f"with _signals_raise(), made(Path({str(project)!r}), dict(os.environ)) as (engine, server, _):\n"
        "    print('made', flush=True)\n    server.run(['sleep', '600'], take=print)\n"
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[2], env=box.env, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        process.send_signal(number)
        process.wait(120)
        process.stdout.close()
        with connect(environment=box.env) as engine:
            left = ours(engine, process.pid)
            assert bool(left) == (number == signal.SIGKILL)
            if left:
                assert len(sweep(engine)) >= 2
                assert ours(engine, process.pid) == []
