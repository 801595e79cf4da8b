"""rebuild-and-migrate beside the steps that people type, with a client that asks the application all the while."""

from __future__ import annotations

import shutil
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Command, Row, run
from tests.engine.engine import Engine
from tests.kit import EXAMPLES

ROUNDS = 3
_POLL = 0.02  # seconds between two questions of the client
APP = """import http.server
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
SCRIPT = '''"""step {revision}"""

from alembic import op

revision = "{revision}"
down_revision = "{parent}"


def upgrade() -> None:
    op.execute("create table t{revision} (id integer)")


def downgrade() -> None:
    op.execute("drop table t{revision}")
'''
BY_HAND = "{0} down && {0} build --no-cache -q app && {0} up -d && sleep 15 && {0} exec -T app alembic upgrade head"
BARE = "{0} build --no-cache -q app && {0} run --rm -T app alembic upgrade head && {0} up -d"


def rows(engine: Engine, folder: Path) -> Iterator[Row]:
    stack = Stack(engine, folder)
    deploy = (sys.executable, "-m", "migops", "rebuild-and-migrate", "app", "--yes", "--watch", "2")
    commands = (
        deploy,
        ("sh", "-c", BY_HAND.format("docker compose")),
        (*deploy, "--no-backup"),
        ("sh", "-c", BARE.format("docker compose")),
    )
    try:
        stack.begin()
        turns = [[stack.deploy(argv) for argv in commands] for _ in range(ROUNDS)]
    finally:
        stack.end()
    whole, by_hand, no_backup, bare = (Medians.of([turn[i] for turn in turns]) for i in range(len(commands)))
    yield Row("the deploy / down, build, up, sleep 15, upgrade", whole.seconds, by_hand.seconds, 1.0)
    yield Row("  seconds in which the application did not answer", whole.silent, by_hand.silent, 0.25)
    most = max(1.15, 1 + 3 / bare.seconds)  # 15 % or 3 s more, whichever is more
    yield Row("  without backup / build, run upgrade, up", no_backup.seconds, bare.seconds, round(most, 2))


@dataclass(frozen=True)
class Medians:
    """Seconds that a way to deploy took, and for how many of them the application did not answer."""

    seconds: float
    silent: float

    @classmethod
    def of(cls, runs: list[tuple[float, float]]) -> Medians:
        return cls(*(statistics.median(each[i] for each in runs) for i in (0, 1)))


class Stack:
    """The clean example with an application that answers, and one more revision for every deploy."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.env = {**engine.env, "XDG_STATE_HOME": str(folder / "state")}
        self.project = Path(shutil.copytree(EXAMPLES / "clean", folder / "bench-deploy"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        compose = self.project / "compose.yaml"
        ports = f'    build: .\n    ports: ["127.0.0.1:{self.port}:8000"]\n'
        compose.write_text(compose.read_text().replace("    build: .\n", ports))
        (self.project / "main.py").write_text(APP)
        self.head, self.number = "a94d5e61c8f3", 0

    def begin(self) -> None:
        self.engine.compose("up", "-d", "--build", "--wait", cwd=self.project)
        self.engine.compose("exec", "-T", "app", "alembic", "upgrade", "head", cwd=self.project)

    def end(self) -> None:
        self.engine.compose("down", "-v", "-t", "0", "--rmi", "local", cwd=self.project, check=False)
        rollback = f"{self.project.name}-app:migops-rollback"
        self.engine.docker("image", "rm", "-f", rollback, check=False)

    def deploy(self, argv: tuple[str, ...]) -> tuple[float, float]:
        """One more revision deployed: seconds, and for how many of them the application did not answer."""
        self.number += 1
        revision = f"d{self.number:011}"
        script = SCRIPT.format(revision=revision, parent=self.head)
        (self.project / "migrations" / "versions" / f"{revision}_step.py").write_text(script)
        self.head = revision
        with polled(self.port) as silent:
            seconds, _ = run(Command(argv, self.project, self.env))
        found = self.engine.compose("exec", "-T", "app", "alembic", "current", cwd=self.project)
        if revision not in found:
            raise RuntimeError(f"{' '.join(argv)} left the database at {found.strip()!r}, not at {revision}")
        return seconds, sum(silent)


@contextmanager
def polled(port: int) -> Iterator[list[float]]:
    """A client that asks again and again; the list fills with the seconds that passed without an answer."""
    silent: list[float] = []
    over = threading.Event()

    def ask() -> None:
        before = time.monotonic()
        while not over.wait(_POLL):
            answered = _answers(port)
            now = time.monotonic()
            if not answered:
                silent.append(now - before)
            before = now

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield silent
    finally:
        over.set()
        client.join()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            return connection.recv(12).startswith(b"HTTP/")
    except OSError:
        return False
