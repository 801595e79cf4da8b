"""Where Alembic starts in a place: which folder, which configuration, by whose word."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from migops.core.model import Tree
from migops.entrypoint.alembic_call import Call, is_toml

Reader = Callable[[Sequence[str]], Tree]
"""Fetches everything at and below absolute POSIX paths; a path the place does not have is not in the answer."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where Alembic is started in a place: working directory, configuration file, section of it.

    ``config`` is absolute; ``text`` is the host's copy of it, which stands in where the place lacks the file, so that
    a missing alembic.ini does not hide the migrations. ``other`` is the second file that Alembic reads: the
    ``pyproject.toml`` beside an ini, the ini beside a ``pyproject.toml``; '' for that of the working directory.
    ``script_location`` is set where the caller sets it (Flask-Migrate's ``--directory``), and ``by`` says who calls
    Alembic so, '' where that goes without saying.

    ``decides``: no place but this one is the truth, so what cannot be known without running something raises
    ``Unavailable``. ``environment`` are the container's variables, None where the place is no container's file system;
    with them a package is looked up as Python would. ``module``: as ``python -m alembic`` does, which has the working
    directory on its path. ``away``: the start changes to ``cwd`` first, from where a command in the container begins.
    ``links`` reads a folder of packages for its ``.pth`` files alone.
    """

    cwd: str
    config: str
    section: str = "alembic"
    text: bytes | None = None
    other: str = ""
    script_location: str = ""
    by: str = ""
    module: bool = False
    away: bool = False
    decides: bool = False
    environment: Mapping[str, str] | None = field(default=None, repr=False, compare=False)
    links: Reader | None = field(default=None, repr=False, compare=False)

    @property
    def key(self) -> tuple[object, ...]:
        """Two homes that are equal in this lead to the same folders."""
        python_path = (self.environment or {}).get("PYTHONPATH", "")
        return (self.cwd, self.config, self.second, self.section, self.script_location, self.module, python_path)

    @property
    def second(self) -> str:
        """The path of the second file."""
        name = "alembic.ini" if self.is_toml else "pyproject.toml"
        return self.other or posixpath.join(self.cwd, name)

    @property
    def is_toml(self) -> bool:
        return posixpath.basename(self.config) == "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Homes:
    """Where Alembic starts in one container: ``first`` is the place's own answer, ``others`` are further calls."""

    first: Home
    others: tuple[Home, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        return tuple(each.key for each in (self.first, *self.others))


@dataclass(frozen=True, slots=True)
class OtherConfiguration:
    """A call of Alembic in a container that reads other migrations than the host has for it.

    ``where`` names the image or the container, ``by`` the call; ``config`` and ``folders`` are paths in the container.
    ``names`` are the scripts in which they differ.
    """

    where: str
    by: str
    config: str
    folders: tuple[str, ...]
    names: tuple[str, ...]


def home_of(call: Call) -> Home:
    """Where Alembic starts when it is called so."""
    ini, toml = "alembic.ini", "pyproject.toml"
    if call.directory:
        ini = posixpath.join(call.directory, "alembic.ini")
    elif call.variable:
        ini, toml = (ini, call.variable) if is_toml(call.variable) else (call.variable, toml)
    for name in call.configs:
        ini, toml = (ini, name) if is_toml(name) else (name, toml)
    paths = [posixpath.normpath(posixpath.join(call.cwd, name)) for name in (ini, toml)]
    named = call.configs[0] if call.configs else call.variable
    config, other = (paths[1], paths[0]) if is_toml(named) else (paths[0], paths[1])
    folder = posixpath.normpath(posixpath.join(call.cwd, call.directory)) if call.directory else ""
    return Home(call.cwd, config, call.section, other=other, script_location=folder, by=call.by, module=call.module)
