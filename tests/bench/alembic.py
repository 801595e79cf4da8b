"""``migops alembic current`` beside the command that people type: ``docker compose exec app alembic current``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Command, Row, in_turns
from tests.engine.engine import Engine
from tests.kit import EXAMPLES


def rows(engine: Engine, folder: Path) -> Iterator[Row]:
    project = Path(shutil.copytree(EXAMPLES / "clean", folder / "bench-alembic"))
    try:
        engine.compose("build", "-q", "app", cwd=project)
        engine.compose("up", "-d", "--wait", cwd=project)
        ours, theirs = in_turns(
            Command((sys.executable, "-m", "migops", "alembic", "current"), project, engine.env),
            Command(("docker", "compose", "exec", "-T", "app", "alembic", "current"), project, engine.env),
        )
        yield Row("migops alembic current / docker compose exec", ours.median, theirs.median, 1.5)
        engine.compose("stop", "-t", "0", "app", cwd=project)
        one_off = ("docker", "compose", "run", "--rm", "--no-deps", "-T", "app", "alembic", "current")
        ours, theirs = in_turns(
            Command((sys.executable, "-m", "migops", "alembic", "current"), project, engine.env),
            Command(one_off, project, engine.env),
        )
        yield Row("  in a one-off / docker compose run --rm", ours.median, theirs.median, 1.5)
    finally:
        engine.compose("down", "-v", "-t", "0", "--rmi", "local", cwd=project, check=False)
