"""From what was read of image and host to the question that the database is asked."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.model import MigrationSet
from migops.docker import Engine
from migops.migrations.config import parse_config
from migops.sources.database_question import Question
from migops.sources.home import Home
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Ask:
    """That git's HEAD and the database are read too: at which URL, where it was said, and how long (in seconds)."""

    url: str = field(default="", repr=False)
    timeout: float = 20.0
    wait: float = 0.0


def question(
    target: Target,
    held: MigrationSet | None,
    host: Home,
    image: Home | None,
    engine: Callable[[], Engine] | None,
    image_env: Mapping[str, str],
    ask: Ask,
) -> Question:
    """Which database is meant, by what the image holds, or else the host: ``held`` is that place."""
    configs = {"host": parse_config(target.config.read_bytes(), host.config, host.section)}
    around = {file.path: file.content for file in held.environment.values()} if held else {}
    if image and image.config in around:
        configs = {"image": parse_config(around[image.config], image.config, host.section), **configs}
    env_path = next((path for path in around if posixpath.basename(path) == "env.py"), "")
    return Question(
        url=ask.url,
        project=target.model,
        service=target.model.services.get(target.service) if target.model else None,
        settings=target.settings,
        configs=configs,
        env_py=around.get(env_path, b"").decode("utf-8", "replace"),
        env_path=env_path,
        image_env=image_env,
        working_dir=target.working_dir or (image.cwd if image else ""),
        home=Path(host.cwd),
        compose=target.commands.compose or ("docker", "compose"),
        engine=engine,
        timeout=ask.timeout,
    )
