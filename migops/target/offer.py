"""Commands and edits to go on with where no service or no configuration of Alembic is found."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from migops.target import configuration
from migops.target.carrying import copies, migration_files
from migops.target.target import BuildSpec

_WITH_CONTEXT = frozenset({"check-image", "status", "doctor"})
_FOLDERS = (".", "docker", ".docker", "deploy", "deployment", "infra", "build")
"""The folders of a build context in which a Dockerfile is looked for."""
_NAME = re.compile(r"Dockerfile(\..+)?|.+\.Dockerfile", re.IGNORECASE)
_OTHER_USE = re.compile(r"dev|test|debug|local|ui|frontend|nginx", re.IGNORECASE)
DEPTH = 2  # folders below the given one that are looked at as build contexts


def context_offer(folder: Path, cwd: Path, command: str, image: str = "") -> tuple[str, ...]:
    """The command that checks a build without a compose file: of the first Dockerfile in or below ``folder`` whose
    build would copy the migrations. Empty if there is none. ``image``: what it is compared with, if it was named."""
    for context in _contexts(folder, DEPTH):
        dockerfiles = _dockerfiles(context)
        if not dockerfiles or len(configuration.search(context)) != 1:
            continue
        files = migration_files(context)
        for dockerfile in dockerfiles:
            if copies(BuildSpec(context, dockerfile), files):
                compared = ("--image", image) if image else ("--no-engine",)
                return (*_command(context, dockerfile, cwd, command), *compared)
    return ()


def _command(context: Path, dockerfile: Path, cwd: Path, command: str) -> tuple[str, ...]:
    is_default = dockerfile == context / "Dockerfile"
    file = () if is_default else ("--dockerfile", os.path.relpath(dockerfile, cwd))
    name = command if command in _WITH_CONTEXT else "check-image"
    return ("migops", name, "--context", os.path.relpath(context, cwd), *file)


def _dockerfiles(context: Path) -> list[Path]:
    """The Dockerfiles of a context, those that are named for development or another part last."""
    found = [
        path for name in _FOLDERS for path in sorted((context / name).glob("*"))
        if _NAME.fullmatch(path.name) and path.is_file()
    ]  # fmt: skip
    return sorted(found, key=lambda path: (path.name != "Dockerfile", _OTHER_USE.search(path.name) is not None))


def _contexts(folder: Path, depth: int) -> Iterator[Path]:
    """The folder and those below it, without hidden ones and installed packages."""
    yield folder
    if not depth:
        return
    try:
        below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:  # a folder that this user may not read is no build context for this user
        return
    for path in below:
        if not path.name.startswith(".") and path.name not in configuration.NOT_SEARCHED:
            yield from _contexts(path, depth - 1)
