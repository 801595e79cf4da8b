"""Commands and edits to go on with where no service or no configuration of Alembic is found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from migops.target import configuration
from migops.target.carrying import copies, migration_files
from migops.target.target import BuildSpec

_WITH_CONTEXT = frozenset({"check-image", "status", "doctor"})
_DOCKERFILES = ("Dockerfile", "docker/Dockerfile", ".docker/Dockerfile", "deploy/Dockerfile", "build/Dockerfile")


def context_offer(folder: Path, cwd: Path, command: str) -> tuple[str, ...]:
    """The command that checks a build without a compose file: of the first Dockerfile in or below ``folder`` whose
    build would copy the migrations. Empty if there is none."""
    for context, dockerfile in _builds(folder):
        build = BuildSpec(context, context / dockerfile)
        if len(configuration.search(context)) == 1 and copies(build, migration_files(context)):
            file = () if dockerfile == "Dockerfile" else ("--dockerfile", os.path.relpath(context / dockerfile, cwd))
            name = command if command in _WITH_CONTEXT else "check-image"
            return ("migops", name, "--context", os.path.relpath(context, cwd), *file, "--no-engine")
    return ()


def _builds(folder: Path) -> Iterator[tuple[Path, str]]:
    """The build contexts at and one level below the folder, each with its Dockerfile's path in it."""
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for context in (folder, *(path for path in below if path.name not in configuration.NOT_SEARCHED)):
        yield from ((context, name) for name in _DOCKERFILES if (context / name).is_file())
