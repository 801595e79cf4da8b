"""check-image beside what a user would type instead: docker run … sha256sum, docker create + cp + rm."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Command, Row, in_turns
from tests.bench.projects import numbered
from tests.engine.engine import Engine

MIB = 1024 * 1024


def rows(engine: Engine, folder: Path) -> Iterator[Row]:
    yield _help()
    small = build(engine, numbered(folder, "bench-small", 200))
    middle = build(engine, numbered(folder, "bench-700", 200), megabytes=500)
    large = build(engine, numbered(folder, "bench-3000", 200), megabytes=2800)
    many = build(engine, numbered(folder, "bench-5000", 5000))
    try:
        hashes = "find /app/migrations/versions -type f | xargs sha256sum"
        by_hand = Command(("docker", "run", "--rm", f"{middle.name}-app", "sh", "-c", hashes), middle, engine.env)
        ours, theirs = in_turns(_check(engine, middle), by_hand)
        yield Row("200 revisions, 700 MB image / docker run … sha256sum", ours.median, theirs.median, 1.0)
        yield Row("  peak memory", max(ours.memory), None, 120, "MiB")
        big, little = in_turns(_check(engine, large), _check(engine, small))
        yield Row("3 GB image / 0.1 GB image", big.median, little.median, 1.2)
        copy = "c=$(docker create {0}-app) && docker cp -q $c:/app/migrations/versions {1} && docker rm $c"
        target = folder / "copied"
        script = f"rm -rf {target}; " + copy.format(many.name, target)
        ours, theirs = in_turns(_check(engine, many), Command(("sh", "-c", script), many, engine.env), runs=5)
        yield Row("5,000 revisions / docker create + cp + rm", ours.median, theirs.median, 5.0)
        yield Row("  peak memory", max(ours.memory), None, 120, "MiB")
    finally:
        for project in (small, middle, large, many):
            engine.docker("image", "rm", "-f", f"{project.name}-app", check=False)


def _help() -> Row:
    ours, theirs = in_turns(
        Command((sys.executable, "-m", "migops", "--help")), Command((sys.executable, "-c", "import click")), runs=15
    )
    return Row("migops --help / python -c 'import click'", ours.median, theirs.median, 3.0)


def _check(engine: Engine, project: Path) -> Command:
    return Command((sys.executable, "-m", "migops", "check-image"), project, engine.env)


def build(engine: Engine, project: Path, *, megabytes: int = 0) -> Path:
    """The project, its image built with so many megabytes beside its files."""
    ballast = f"RUN head -c {megabytes * MIB} /dev/urandom > /ballast" if megabytes else ""
    (project / "Dockerfile").write_text(f"FROM python:3.11-slim\n{ballast}\nWORKDIR /app\nCOPY . .\n")
    engine.compose("build", "-q", "app", cwd=project)
    return project
