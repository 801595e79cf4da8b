"""``migops config`` beside ``docker compose config``: real projects of the corpus, and one of 2,000 services."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.measure import Command, Row, in_turns
from tests.compose.compose_cli import program
from tests.compose.support import CORPUS, Case, corpus
from tests.engine.engine import Engine

EVERY = 12
"""One case of the corpus in so many is measured: the median moves little, and the run ends in a minute."""
SERVICE = """\
  service{number}:
    <<: *common
    image: registry.example/app{number}:${{TAG:-latest}}
    command: ["python", "-m", "app", "--port", "{number}"]
    environment:
      - DB_HOST=db{number}
      - LEVEL=${{LEVEL:-info}}
    ports: ["{number}:80"]
    volumes:
      - ./src{number}:/code:ro
      - data:/data
    labels: {{com.example.number: "{number}"}}
    healthcheck: {{test: ["CMD", "true"], interval: 10s}}
"""


def rows(engine: Engine, folder: Path) -> Iterator[Row]:
    environment = _with_newest_compose(engine, folder)
    if CORPUS.is_dir():
        yield _median_case(environment, folder)
    large = folder / "large"
    large.mkdir()
    services = "".join(SERVICE.format(number=number) for number in range(1, 2001))
    head = "x-common: &common {restart: always, init: true}\n"
    (large / "compose.yaml").write_text(f"{head}services:\n{services}volumes: {{data: {{}}}}\n")
    ours, theirs = in_turns(*_both(large, (), environment), runs=3)
    yield Row("config, 2,000 services / docker compose config", ours.median, theirs.median, 1.0)


def _with_newest_compose(engine: Engine, folder: Path) -> dict[str, str]:
    """An environment in which ``docker compose`` is the version that the corpus was recorded with."""
    plugins = folder / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(program())
    return {**engine.env, "DOCKER_CONFIG": str(folder / "docker"), "HOME": "/home/ci"}


def _median_case(environment: Mapping[str, str], folder: Path) -> Row:
    cases = [case for case in corpus() if case.document is not None and case.consistent][::EVERY]
    medians = [_medians(case, folder / str(number), environment) for number, case in enumerate(cases)]
    ours, theirs = (statistics.median(pair[side] for pair in medians) for side in (0, 1))
    return Row(f"config, median of {len(cases)} real projects / docker compose config", ours, theirs, 1.5)


def _medians(case: Case, folder: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    folder.mkdir()
    ours, theirs = in_turns(*_both(case.copy(folder), case.arguments, environment), runs=3)
    return ours.median, theirs.median


def _both(place: Path, arguments: tuple[str, ...], environment: Mapping[str, str]) -> tuple[Command, Command]:
    ours = (sys.executable, "-m", "migops", "config", *arguments)
    theirs = ("docker", "compose", *arguments, "config", "--format", "json")
    return Command(ours, place, environment), Command(theirs, place, environment)
