"""Searches the project's text files for what reads a setting, before an edit takes it away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.sources.host import NOT_READ

_LARGEST = 1024 * 1024  # bytes; a larger file is generated, or data
_PACKAGES = ("site-packages", "venv")
"""Folders of other people's code."""


def files(root: Path, is_wanted: Callable[[str], bool], *left_out: str) -> Iterator[Path]:
    """The files below ``root`` with a wanted name, in order; not in packages and folders named ``left_out``."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders
            if name not in NOT_READ and name not in left_out and not _is_environment(folder, name)
        )  # fmt: skip
        yield from (Path(folder, name) for name in sorted(names) if is_wanted(name))


def _is_environment(folder: str, name: str) -> bool:
    """True for a virtual environment, whose packages are not the project's."""
    return name in _PACKAGES or Path(folder, name, "pyvenv.cfg").exists()


def content(path: Path) -> bytes:
    """The bytes of a file; b"" for what is too large for a program, or no file. MigopsError if it cannot be read."""
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST else b""
    except OSError as error:
        raise MigopsError(f"cannot be read: {error.strerror}", at=Location(str(path))) from None


def first_line(paths: Iterable[Path], counts: Callable[[bytes], bool]) -> Location | None:
    """The first line of the files that ``counts``; None if none does."""
    for path in paths:
        for number, line in enumerate(content(path).split(b"\n"), 1):
            if counts(line):
                return Location(str(path), number)
    return None
