"""status beside what a user would type to learn half as much: docker compose exec app alembic current."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Command, Row, in_turns
from tests.engine.engine import Engine
from tests.kit import EXAMPLES


def rows(engine: Engine, folder: Path) -> Iterator[Row]:
    project = _project(folder, revisions=500)
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


def _project(folder: Path, *, revisions: int) -> Path:
    """The clean example, with so many revisions."""
    project = Path(shutil.copytree(EXAMPLES / "clean", folder / "bench-status"))
    versions = project / "migrations" / "versions"
    pattern = next(versions.glob("a94*.py")).read_text()
    for old in versions.iterdir():
        old.unlink()
    for number in range(revisions):
        text = pattern.replace("a94d5e61c8f3", f"r{number:05}")
        parent = f'"r{number - 1:05}"' if number else "None"
        (versions / f"r{number:05}_step.py").write_text(text.replace('"3f1c0a7be210"', parent))
    return project
