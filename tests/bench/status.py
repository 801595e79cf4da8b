"""status beside what a user would type to learn half as much: docker compose exec app alembic current."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Command, Row, in_turns
from tests.bench.projects import numbered
from tests.engine.engine import Engine


def rows(engine: Engine, folder: Path) -> Iterator[Row]:
    project = numbered(folder, "bench-status", 500)
    try:
        engine.compose("up", "-d", "--quiet-pull", "--build", "--wait", cwd=project)
        engine.compose("exec", "-T", "app", "alembic", "stamp", "head", cwd=project)
        ours, theirs = in_turns(
            Command((sys.executable, "-m", "migops", "status"), project, engine.env),
            Command(("docker", "compose", "exec", "-T", "app", "alembic", "current"), project, engine.env),
        )
        yield Row("500 revisions / docker compose exec app alembic current", ours.median, theirs.median, 1.0)
        yield Row("  peak memory", max(ours.memory), None, 120, "MiB")
    finally:
        engine.compose("down", "--volumes", "--rmi", "local", "--timeout", "2", cwd=project)
