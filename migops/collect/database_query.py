"""Builds the inputs for finding and querying the database, from image and host."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from migops.collect.state import view_of
from migops.core.model import MigrationSet
from migops.docker import Engine
from migops.dockerfile.trace import BuildView
from migops.migrations.config import parse_config
from migops.sources.database_question import Question
from migops.sources.home import Home
from migops.target import Target

if TYPE_CHECKING:
    from migops.sources.project_code import EnvironmentCode


@dataclass(frozen=True, slots=True)
class Ask:
    """The request to query the database."""

    url: str = field(default="", repr=False)
    """The URL of ``--database-url``; empty to find it in the project."""
    timeout: float = 20.0
    """Seconds for each connection and query."""
    wait: float = 0.0
    """Seconds to wait for a database that is not up yet."""


def question(
    target: Target,
    held: MigrationSet | None,
    host: Home,
    image: Home | None,
    engine: Callable[[], Engine] | None,
    image_env: Mapping[str, str],
    ask: Ask,
) -> Question:
    """The inputs for finding the database, from ``held``: the migrations of the image, or else of the host."""
    configs = {}
    if not target.absent:
        configs["host"] = parse_config(target.config.read_bytes(), host.config, host.section)
    around = {file.path: file.content for file in held.environment.values()} if held else {}
    if image and image.config in around:
        configs = {"image": parse_config(around[image.config], image.config, host.section), **configs}
    env_path = next((path for path in around if posixpath.basename(path) == "env.py"), "")
    return Question(
        code=cache(lambda: code_for(target, host)),
        url=ask.url,
        project=target.model,
        service=target.model.services.get(target.service) if target.model else None,
        settings=target.settings,
        configs=configs,
        env_py=around.get(env_path, b"").decode("utf-8", "replace"),
        env_path=env_path,
        image_env=image_env,
        working_dir=image.cwd if image else _working_dir(target),
        home=Path(host.cwd),
        compose=target.commands.compose or ("docker", "compose"),
        engine=engine,
        timeout=ask.timeout,
    )


def _working_dir(target: Target) -> str:
    """The container's working directory as far as compose file and Dockerfile tell."""
    view = view_of(target.build)
    own = (view.workdir or "") if isinstance(view, BuildView) else ""
    return posixpath.join(own, target.working_dir) if target.working_dir else own


def code_for(target: Target, host: Home) -> EnvironmentCode | None:
    """The code that the host's env.py imports; None if there is no env.py."""
    from migops.collect.imports import code_of  # only where a database is asked

    return code_of(target, host)
