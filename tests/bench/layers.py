"""Layers and containers: attribution beside docker save, and a check with mounts beside one without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.check_image import build
from tests.bench.measure import Command, Row, in_turns
from tests.bench.projects import numbered
from tests.engine.engine import Engine
from tests.engine.proxy import proxy

MOUNTS = """    volumes:
      - ./models.py:/app/models.py:ro
      - data:/app/data
      - /app/cache
"""


def rows(engine: Engine, folder: Path) -> Iterator[Row]:
    project = build(engine, numbered(folder, "bench-layers", 200), megabytes=500)
    image = f"{project.name}-app"
    try:
        ours = Command((sys.executable, "-m", "migops", "layers", image, "/app/migrations"), project, engine.env)
        save = Command(("sh", "-c", f"docker save {image} >/dev/null"), project, engine.env)
        folders, saved = in_turns(ours, save, runs=3)
        yield Row("layer folders, 700 MB image / docker save", folders.median, saved.median, 0.1)
        with proxy(engine.socket) as remote:  # an engine that is not on this machine has no folders for us
            far = {**engine.env, "DOCKER_HOST": remote.host}
            streamed, saved = in_turns(Command(ours.argv, project, far), Command(save.argv, project, far), runs=3)
        yield Row("stream, 700 MB image / docker save", streamed.median, saved.median, 1.5)
    finally:
        engine.docker("image", "rm", "-f", image, check=False)
    yield from _mounts(engine, folder)


def _mounts(engine: Engine, folder: Path) -> Iterator[Row]:
    check = (sys.executable, "-m", "migops", "check-image", "app")
    plain, mounted = (build(engine, numbered(folder, name, 5000)) for name in ("bench-plain", "bench-mounts"))
    compose = mounted / "compose.yaml"
    text = compose.read_text().replace("    build: .\n", f"    build: .\n{MOUNTS}")
    compose.write_text(text.replace("  dbdata:\n", "  dbdata:\n  data:\n"))
    try:
        engine.compose("up", "-d", "--no-deps", "app", cwd=mounted)
        ours, theirs = in_turns(Command(check, mounted, engine.env), Command(check, plain, engine.env), runs=3)
        yield Row("5,000 revisions, three mounts / the plain check", ours.median, theirs.median, 2.0)
    finally:
        engine.compose("down", "--volumes", "--rmi", "local", "--timeout", "1", cwd=mounted)
        engine.docker("image", "rm", "-f", f"{plain.name}-app", check=False)
