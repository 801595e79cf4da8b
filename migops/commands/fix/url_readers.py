"""Finds what else reads the URL of Alembic's ini file, so that it is not taken away from anybody."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.sources.host import NOT_READ

_LARGEST = 1024 * 1024  # bytes; a larger file is generated, or data
_SUFFIXES = (".py", ".sh", ".bash", ".toml", ".cfg", ".ini", ".yml", ".yaml", ".mk", ".json", ".env")
_NAMES = frozenset(("Makefile", "makefile", "justfile", "Justfile", "Dockerfile", "Jenkinsfile", "Procfile"))
_PIPELINES = frozenset((
    "Makefile", "makefile", "justfile", "Justfile", "Jenkinsfile", "Taskfile.yml", "tox.ini", ".gitlab-ci.yml",
    "azure-pipelines.yml", "bitbucket-pipelines.yml", ".travis.yml", ".drone.yml", ".woodpecker.yml", "appveyor.yml",
))  # fmt: skip
_RUNS = re.compile(rb"^(?!\s*#).*\balembic\b[^#]*\b(upgrade|downgrade|check|current|stamp|revision)\b")
_INSIDE = re.compile(rb"\b(docker|podman|kubectl)\b|\bcompose\b.*\b(run|exec)\b")
_SETS = re.compile(rb"set_(main|section)_option|^\s*#")
_WORD = re.compile(rb"sqlalchemy[.\\]+url")


def other_reader(roots: Sequence[Path], known: Collection[Path]) -> Location | None:
    """A line below the folders that reads ``sqlalchemy.url``, other than in the ``known`` files; None if there is none.

    Lines that set it, and comments, do not count.
    """
    real = {Path(os.path.realpath(path)) for path in known}
    for path in dict.fromkeys(each for root in roots for each in _files(root)):
        if Path(os.path.realpath(path)) in real:
            continue
        for number, line in enumerate(_content(path).split(b"\n"), 1):
            if _WORD.search(line) and not _SETS.search(line):
                return Location(str(path), number)
    return None


def caller_without(variable: str, roots: Sequence[Path]) -> Location | None:
    """A line that runs Alembic outside of the containers (a CI pipeline, a Makefile), in a file that does not name the
    variable; None if there is none. Where env.py reads the variable, that run would fail."""
    for path in dict.fromkeys(each for root in roots for each in _files(root) if _is_run_outside(each)):
        content = _content(path)
        if re.search(rf"\b{re.escape(variable)}\b".encode(), content):
            continue
        for number, line in enumerate(content.split(b"\n"), 1):
            if _RUNS.search(line) and not _INSIDE.search(line):
                return Location(str(path), number)
    return None


def _is_run_outside(path: Path) -> bool:
    return path.name in _PIPELINES or bool({".github", ".gitlab", ".circleci"} & {*path.parts})


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in NOT_READ and not _is_environment(folder, name))
        for name in sorted(names):
            if name.endswith(_SUFFIXES) or name in _NAMES or name.startswith("Dockerfile"):
                yield Path(folder, name)


def _is_environment(folder: str, name: str) -> bool:
    """True for a virtual environment, whose packages are not the project's."""
    return name in ("site-packages", "venv") or Path(folder, name, "pyvenv.cfg").exists()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST else b""
    except OSError as error:
        raise MigopsError(f"cannot be read: {error.strerror}", at=Location(str(path))) from None
