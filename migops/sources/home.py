"""Alembic's start in a source: working directory, configuration, and the caller that sets them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from migops.core.model import Tree
from migops.entrypoint.alembic_call import Call, is_toml

Reader = Callable[[Sequence[str]], Tree]
"""Fetches everything at and below absolute POSIX paths; a path that does not exist is not in the answer."""


@dataclass(frozen=True, slots=True)
class Home:
    """Alembic's start in a source."""

    cwd: str  # the working directory
    config: str  # absolute path of the configuration file
    section: str = "alembic"
    text: bytes | None = None
    """The host's copy of the configuration, used if the source lacks the file, so that a missing alembic.ini does not
    hide the migrations."""
    other: str = ""
    """The second file that Alembic reads: the ``pyproject.toml`` beside an ini, or the ini beside a ``pyproject.toml``;
    '' for the one in the working directory."""
    script_location: str = ""  # set by the caller (Flask-Migrate's ``--directory``)
    by: str = ""  # the caller, in words; '' for a plain call
    module: bool = False  # started as ``python -m alembic``, with the working directory on Python's path
    away: bool = False  # the start changes to ``cwd`` first, away from the container's working directory
    decides: bool = False  # this source alone is authoritative: anything unknown raises ``Unavailable``
    around: tuple[str, ...] = field(default=(), compare=False)
    """Further folders that Alembic may be started in, tried if its scripts are not found from ``cwd``."""
    environment: Mapping[str, str] | None = field(default=None, repr=False, compare=False)
    """The container's variables, for looking up packages like Python; None if the source is not a container's file
    system."""
    links: Reader | None = field(default=None, repr=False, compare=False)  # for the ``.pth`` files of a package folder

    @property
    def key(self) -> tuple[object, ...]:
        """Homes with equal keys lead to the same folders."""
        python_path = (self.environment or {}).get("PYTHONPATH", "")
        return (self.cwd, self.config, self.second, self.section, self.script_location, self.module, python_path)

    @property
    def second(self) -> str:
        """The path of the second file."""
        name = "alembic.ini" if self.is_toml else "pyproject.toml"
        return self.other or posixpath.join(self.cwd, name)

    @property
    def is_toml(self) -> bool:
        """True if the configuration file is a ``pyproject.toml``."""
        return posixpath.basename(self.config) == "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Homes:
    """Alembic's starts in one container: ``first`` is the default one, ``others`` are further calls."""

    first: Home
    others: tuple[Home, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """Containers with equal keys have the same starts."""
        return tuple(each.key for each in (self.first, *self.others))


@dataclass(frozen=True, slots=True)
class OtherConfiguration:
    """A call of Alembic in a container that reads other migrations than the host has for it."""

    where: str  # the image or container
    by: str  # the call, in words
    config: str  # a path in the container
    folders: tuple[str, ...]  # paths in the container
    names: tuple[str, ...]  # the scripts that differ


def above(config: str, top: str = "/") -> tuple[str, ...]:
    """The folders above that of a configuration file, the nearest first, up to ``top``."""
    folders = []
    folder = posixpath.dirname(config)
    while folder not in (top, "/", "") and f"{folder}/".startswith(f"{top.rstrip('/')}/"):
        folder = posixpath.dirname(folder)
        folders.append(folder)
    return tuple(folders)


def home_of(call: Call) -> Home:
    """Alembic's start in a call."""
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
