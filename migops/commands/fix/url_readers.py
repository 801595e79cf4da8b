"""Finds what else reads the URL of Alembic's ini file, so that it is not taken away from anybody."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from migops.commands.fix.searched import content, files, first_line
from migops.core.model import Location

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
    paths = (path for path in _files(roots) if Path(os.path.realpath(path)) not in real)
    return first_line(paths, lambda line: bool(_WORD.search(line)) and not _SETS.search(line))


def caller_without(variable: str, roots: Sequence[Path]) -> Location | None:
    """A line that runs Alembic outside of the containers (a CI pipeline, a Makefile), in a file that does not name the
    variable; None if there is none. Where env.py reads the variable, that run would fail."""
    names = re.compile(rf"\b{re.escape(variable)}\b".encode())
    paths = (path for path in _files(roots) if _is_run_outside(path) and not names.search(content(path)))
    return first_line(paths, lambda line: bool(_RUNS.search(line)) and not _INSIDE.search(line))


def _is_run_outside(path: Path) -> bool:
    return path.name in _PIPELINES or bool({".github", ".gitlab", ".circleci"} & {*path.parts})


def _is_text(name: str) -> bool:
    return name.endswith(_SUFFIXES) or name in _NAMES or name.startswith("Dockerfile")


def _files(roots: Sequence[Path]) -> Iterator[Path]:
    yield from dict.fromkeys(each for root in roots for each in files(root, _is_text))
