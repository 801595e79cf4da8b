"""The program by which Alembic is called in an image: on the PATH, or in a virtual environment beside it.

Nothing is run: the files of the image tell. A program in a virtual environment works by its path alone, whether or not
the environment is activated, and under uv and poetry as well.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from migops.core.errors import MigopsError
from migops.core.model import Entry, EntryKind
from migops.dockerfile.state import DEFAULT_PATH
from migops.entrypoint.alembic_call import Process
from migops.migrations.locate import absolute
from migops.sources.home import Reader

_USUAL = (".venv", "venv", "env", "virtualenv")
"""Names of virtual environments, looked for in the working directory and above."""
_FIXED = ("/opt/venv", "/opt/.venv", "/venv", "/.venv", "/env", "/opt/app/.venv", "/app/.venv", "/root/.local")
_BIN = re.compile(r"([\w.~/-]*)/bin/[\w.-]+")
_RUNNER = re.compile(r"\b(poetry|pipenv)\s+run\b")


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """The program as it is called. ``words`` are empty if it was not found; ``looked`` are the folders."""

    name: str
    words: tuple[str, ...] = ()
    looked: tuple[str, ...] = ()
    is_hidden: bool = False
    """True if a mount lies over one of the folders, so that only the container has its files."""

    @property
    def is_missing(self) -> bool:
        """True if no file of the image is this program, and no mount can bring it."""
        return not self.words and not self.is_hidden


def find_program(
    name: str, process: Process, read: Reader, hidden: Callable[[str], bool] = lambda path: False
) -> ProgramFile:
    """Find the program ``name`` in the image of a container that is started as ``process``.

    ``name`` is called as it is if it is on the PATH or is itself a path of the image. ``hidden`` is True for a path
    that a mount hides in the container.
    """
    if "/" in name:
        found = absolute(process.working_dir or "/", name)
        return ProgramFile(name, (name,) if _runs(read, found) else (), (posixpath.dirname(found),), hidden(found))
    folders = [folder for folder in (process.environment.get("PATH") or DEFAULT_PATH).split(":") if folder]
    for folder in folders:
        if _runs(read, absolute(process.working_dir or "/", posixpath.join(folder, name))):
            return ProgramFile(name, (name,))
    environments = list(dict.fromkeys(_environments(process, read)))
    for folder in environments:
        path = f"{folder}/bin/{name}"
        if not hidden(path) and _runs(read, path):
            return ProgramFile(name, (path,))
    runner = _RUNNER.search(_start(process, read))
    if runner and any(_runs(read, posixpath.join(folder, runner[1])) for folder in folders):
        return ProgramFile(name, (runner[1], "run", name))  # its environment is in a folder whose name is a hash
    looked = (*folders, *(f"{each}/bin" for each in environments))
    return ProgramFile(name, (), looked, any(hidden(f"{each}/{name}") for each in looked))


def _environments(process: Process, read: Reader) -> Iterator[str]:
    """Folders that may be virtual environments, the most certain first."""
    cwd = process.working_dir or "/"
    variables = process.environment
    for variable in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"):
        if given := variables.get(variable):
            yield absolute(cwd, given)
    for match in _BIN.finditer(_start(process, read)):
        folder = absolute(cwd, match[1])
        if folder not in ("/", "/usr", "/usr/local"):
            yield folder
    folder = posixpath.normpath(cwd)
    while True:
        yield from (absolute(folder, name) for name in _USUAL)
        if folder in ("/", ""):
            break
        folder = posixpath.dirname(folder)
    yield from _FIXED
    if home := variables.get("HOME"):
        yield from (f"{home}/.local", f"{home}/.venv", f"{home}/venv")


def _start(process: Process, read: Reader) -> str:
    """The text of the start: its words, and the scripts among them."""
    texts = [" ".join(process.words)]
    for word in process.words[:3]:
        if "/" in word and " " not in word and word.endswith((".sh", ".bash")):
            entry = read([path := absolute(process.working_dir or "/", word)]).get(path)
            texts.append((entry.content or b"" if entry else b"").decode("utf-8", "replace"))
    return "\n".join(texts)


def _runs(read: Reader, path: str) -> bool:
    """True if a file of the image can be run as a program. A link that leads to nothing that was read counts."""
    try:
        entry = read([path]).get(path)
    except MigopsError:
        return False
    return entry is not None and _is_program(entry)


def _is_program(entry: Entry) -> bool:
    if entry.kind is EntryKind.SYMLINK:
        return True
    return entry.kind is EntryKind.FILE and bool(entry.mode & 0o111)


def starts(words: Sequence[str]) -> str:
    """The program that is looked for: the first word that is not a variable's assignment."""
    return next((word for word in words if not re.match(r"\w+=", word)), "")
