"""Lookup of a package like Python in a container, for ``script_location = package:folder``. Nothing is imported or run.

The path of the ``alembic`` program has the folders of ``prepend_sys_path``, then PYTHONPATH, then the installed
packages, and the additions of their ``.pth`` files (editable installs). The working directory is on it only if one of
these adds it, or with ``python -m alembic``. The first regular package (with an ``__init__.py``) wins.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migops.core.errors import Unavailable
from migops.core.model import EntryKind
from migops.dockerfile.state import DEFAULT_PATH
from migops.entrypoint.alembic_call import Process
from migops.migrations.locate import absolute
from migops.sources.home import Home, Reader
from migops.sources.program_file import find_program

_VERSIONS = tuple(f"3.{minor}" for minor in range(8, 16))
_INTERPRETER = re.compile(rb"(/[^\s\"']*/(?:python|pypy)[0-9.]*)")
_MAPPING = re.compile(r"^MAPPING[^=]*=\s*(\{.*\})\s*$", re.MULTILINE)
_FINDER = re.compile(r"import\s+(__editable___\w+_finder)")


def find(name: str, folder: str, read: Reader, home: Home, prepended: Sequence[str]) -> str:
    """The folder of the package ``name`` (dots: nested packages) that contains ``folder``.

    Raises ``Unavailable`` if it cannot be known which copy Python would use, or if it would find none.
    """
    top, *inner = name.split(".")
    python = _Python(read, home)
    early = [*prepended, *([home.cwd] if home.module else []), *python.path_variable()]
    looked = list(dict.fromkeys(early))
    parent = next((path for path in looked if python.is_package(posixpath.join(path, top))), None)
    if parent is None:
        sites = python.sites()
        looked += sites
        parent = next((path for path in sites if python.is_package(posixpath.join(path, top))), None)
        if parent is None:
            linked = [path for site in sites for path in python.linked(site, top)]
            looked += linked
            parent = next((path for path in linked if python.is_package(posixpath.join(path, top))), None)
    if parent is None:  # a folder without __init__.py is a package too, if no regular one of its name is on the path
        below = posixpath.join(top, *inner, folder)
        parent = next((path for path in looked if python.has(posixpath.join(path, below))), None)
    if parent is None:
        raise Unavailable(
            f"{home.config} points to the package {name!r}, but Python in the container would not find it: it is in "
            f"none of {', '.join(looked)}",
            hint="set prepend_sys_path in Alembic's configuration file, or name the folder itself in script_location",
        )
    return posixpath.join(parent, top, *inner)


@dataclass(slots=True)
class _Python:
    """The Python that runs ``alembic`` in one source."""

    read: Reader
    home: Home

    def has(self, path: str) -> bool:
        return bool(self.read([path]))

    def text(self, path: str) -> bytes | None:
        entry = self.read([path]).get(path)
        return entry.content if entry is not None and entry.kind is not EntryKind.DIRECTORY else None

    def is_package(self, path: str) -> bool:
        return self.has(posixpath.join(path, "__init__.py"))

    def variable(self, name: str) -> str:
        return (self.home.environment or {}).get(name, "")

    def path_variable(self) -> list[str]:
        """PYTHONPATH; an empty part means the working directory."""
        given = self.variable("PYTHONPATH")
        return [absolute(self.home.cwd, each or ".") for each in given.split(":")] if given else []

    def sites(self) -> list[str]:
        """The folders of installed packages, in the order of Python's path. One of them contains Alembic itself."""
        program, interpreter = self._program()
        version, prefix, config = self._of(interpreter)
        versions = [version] if version else list(_VERSIONS)
        roots = [*self._homes(program), prefix]
        sites = [f"{root}/lib/python{version}/site-packages" for root in roots for version in versions]
        debian = [f"/usr/local/lib/python{version}/dist-packages" for version in versions]
        debian.append("/usr/lib/python3/dist-packages")
        if re.search(rb"include-system-site-packages\s*=\s*true", config or b""):
            sites += [*(f"/usr/local/lib/python{version}/site-packages" for version in versions), *debian]
        elif config is None:
            sites += debian
        sites = list(dict.fromkeys(sites))
        with_alembic = next((folder for folder in sites if self.is_package(f"{folder}/alembic")), "")
        if not with_alembic:
            raise self._unknown(f"Alembic itself is not where {program} would find it ({', '.join(sites[:3])}, …)")
        if config is None and with_alembic not in debian:
            sites = [folder for folder in sites if folder not in debian]
        number = re.search(r"python(3\.[0-9]+)", with_alembic)
        if number:  # now the version is known
            sites = [folder for folder in sites if f"python{number[1]}/" in folder or "python3/" in folder]
        return sites

    def linked(self, site: str, top: str) -> list[str]:
        """The folders that the ``.pth`` files of ``site`` add to the path, in the order of the files' names."""
        if self.home.links is None:
            raise self._unknown("the .pth files of its packages were not read")
        tree = self.home.links([site])
        folders: list[str] = []
        for path in sorted(tree):
            content = tree[path].content
            if content is None or posixpath.dirname(path) != site or not path.endswith(".pth"):
                continue
            for line in content.decode("utf-8", "replace").splitlines():
                finder = _FINDER.search(line)
                if finder:
                    entry = tree.get(posixpath.join(site, f"{finder[1]}.py"))
                    folders += _mapped((entry.content if entry else None) or b"", top)
                elif line.strip() and not line.startswith(("#", "import ", "import\t")):
                    folders.append(absolute(site, line.strip()))
        return folders

    def _program(self) -> tuple[str, str]:
        """The ``alembic`` program, and the interpreter in its first line."""
        for path in self._programs():
            text = self.text(path)
            if text is None:
                continue
            folder = posixpath.dirname(path)
            first, _, second = text.partition(b"\n")
            interpreter = _INTERPRETER.search(first) or (_INTERPRETER.search(second) if b"/sh" in first else None)
            if interpreter:
                return path, interpreter[1].decode()
            if b"env" in first:
                return path, posixpath.join(folder, "python3")
            raise self._unknown(f"{path} names no Python in its first line")
        raise self._unknown("no program `alembic` is on the PATH or in a virtual environment")

    def _programs(self) -> Iterator[str]:
        """Where the program may be: on the PATH, then in a virtual environment."""
        folders = (self.variable("PATH") or DEFAULT_PATH).split(":")
        yield from (absolute(self.home.cwd, posixpath.join(folder, "alembic")) for folder in folders)
        found = find_program("alembic", Process(self.home.cwd, self.home.environment or {}), self.read)
        yield from (word for word in found.words[:1] if "/" in word)

    def _of(self, interpreter: str) -> tuple[str, str, bytes | None]:
        """Version ('' if unknown), prefix, and the ``pyvenv.cfg`` of a virtual environment."""
        prefix = posixpath.dirname(posixpath.dirname(interpreter))
        config = self.text(f"{prefix}/pyvenv.cfg")
        named = re.search(r"python(3\.[0-9]+)$", interpreter)
        stated = re.search(rb"version(?:_info)?\s*=\s*(3\.[0-9]+)", config or b"")
        if named or stated:
            return (named[1] if named else stated[1].decode() if stated else ""), prefix, config
        given = re.match(r"3\.[0-9]+", self.variable("PYTHON_VERSION"))
        return (given[0] if given else ""), prefix, config

    def _homes(self, program: str) -> Iterator[str]:
        """The folders of ``pip install --user``."""
        home = self.variable("HOME")
        beside = posixpath.dirname(posixpath.dirname(program))
        if beside.endswith("/.local"):
            yield beside
        yield f"{home or '/root'}/.local"

    def _unknown(self, why: str) -> Unavailable:
        return Unavailable(
            f"{self.home.config} names a package, and its location in the container is unknown: {why}",
            hint="name the folder itself in script_location, or set prepend_sys_path in Alembic's configuration file",
        )


def _mapped(finder: bytes, top: str) -> Iterator[str]:
    """The parent folder of the package in an editable install's finder."""
    match = _MAPPING.search(finder.decode("utf-8", "replace"))
    try:
        mapping = ast.literal_eval(match[1]) if match else {}
    except (ValueError, SyntaxError):
        mapping = {}
    target = mapping.get(top) if isinstance(mapping, dict) else None
    if isinstance(target, str) and posixpath.basename(target) == top:
        yield posixpath.dirname(target)
