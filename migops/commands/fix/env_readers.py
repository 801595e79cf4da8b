"""Finds code of the application that reads a ``.env`` file itself, so that the file is not taken from it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.fix.url_variable import services_of
from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.sources.host import NOT_READ

_LARGEST = 1024 * 1024  # bytes of a file that is read
_READS = re.compile(
    rb"dotenv|env_file\s*[=:]|read_env\s*\(|environ\.Env\b|\bdecouple\b|starlette\.config|dynaconf|AutoConfig"
    rb"|\bgoodconf\b|(^|[;&|\s])(\.|source)\s+[\"']?[^\s;]*\.env\b|\benv_file\b|[\"']\.env"
)
_KEY = re.compile(rb"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.MULTILINE)
_COMMENT = re.compile(rb"^\s*#")


def own_reader(evidence: Evidence, folder: Path, file: Path) -> Location | None:
    """The first line below the folder that reads such a file; None if there is none.

    None as well if the environment of the services has every variable of the file, since it comes first there.
    """
    if _are_given(evidence, file):
        return None
    for path in _files(folder):
        for number, line in enumerate(_content(path).split(b"\n"), 1):
            if _READS.search(line) and not _COMMENT.match(line):
                return Location(str(path), number)
    return None


def _are_given(evidence: Evidence, file: Path) -> bool:
    """True if compose gives every service with this image every variable that the file sets."""
    services = list(services_of(evidence))
    names = [match[1].decode() for match in _KEY.finditer(_content(file))]
    return bool(services) and all(each.environment.get(name) is not None for each in services for name in names)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in NOT_READ and not _is_left_out(folder, name))
        yield from (Path(folder, name) for name in sorted(names) if _is_program(name))


def _is_left_out(folder: str, name: str) -> bool:
    return name in ("tests", "site-packages", "venv") or Path(folder, name, "pyvenv.cfg").exists()


def _is_program(name: str) -> bool:
    return name.endswith((".py", ".sh", ".js", ".ts")) or "." not in name


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST else b""
    except OSError as error:
        raise MigopsError(f"cannot be read: {error.strerror}", at=Location(str(path))) from None
