"""What every place has in common: from where Alembic starts there, to the scripts that it would load.

The host, the build context and the image differ only in how bytes are fetched, so each hands a ``Reader`` to
``read_environment``, and one piece of code decides what Alembic would see.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from migops.errors import MigopsError
from migops.history.config import ConfigFile, parse_config
from migops.history.graph import Graph, build
from migops.history.locate import ScriptPaths, locate
from migops.history.problem import Problem
from migops.history.scripts import History, Known, read_history
from migops.model import Entry, EntryKind, MigrationFile, MigrationSet, Tree, Unknown

Reader = Callable[[Sequence[str]], Tree]
"""Fetches everything at and below absolute POSIX paths; a path the place does not have is not in the answer."""

TEXTS = (".py", ".ini", ".toml", ".cfg", ".conf", ".mako")
"""Endings of the files whose text is looked at; what else lies in a folder (a dump, say) is known by its digest."""

AROUND = ("env.py", "script.py.mako")
"""The files beside the versions folder that decide what a migration does."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where Alembic is started in a place: working directory, configuration file, section of it.

    ``config`` is absolute; ``text`` is the host's copy of it, which stands in where the place lacks the file, so that
    a missing alembic.ini does not hide the migrations.
    """

    cwd: str
    config: str
    section: str = "alembic"
    text: bytes | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """What Alembic would see in a place, and what it would stumble over."""

    migrations: MigrationSet
    graph: Graph
    paths: ScriptPaths
    problems: tuple[Problem, ...]


def read_environment(read: Reader, home: Home, known: Known) -> Environment | Unknown:
    """Read a place: its configuration, the folders that this names, the scripts in them.

    ``known`` is shared between places, so that the same text is parsed once. Unknown where the configuration does not
    lead to a script folder. Where nothing lies below the working directory, but beside the configuration, Alembic is
    taken to be started there (``cd backend && alembic …``), and the note says so.
    """
    found = _read(read, home, known)
    beside = posixpath.dirname(home.config)
    if isinstance(found, Unknown) or found.migrations.scripts or found.migrations.bytecode or beside == home.cwd:
        return found
    there = _read(read, replace(home, cwd=beside), known)
    if isinstance(there, Unknown) or not there.migrations.scripts:
        return found
    note = f"Alembic is taken to start in {beside}, beside its configuration: below {home.cwd} there is nothing"
    return replace(there, migrations=replace(there.migrations, note=note))


def _read(read: Reader, home: Home, known: Known) -> Environment | Unknown:
    pyproject = posixpath.join(home.cwd, "pyproject.toml")
    tree = dict(read(sorted({home.config, pyproject})))
    try:
        ini = _config(tree, home.config, home, home.text)
        toml = _config(tree, pyproject, home, None) if home.config != pyproject else None
    except MigopsError as error:
        return Unknown(str(error), error.hint)
    if home.config == pyproject:
        ini, toml = None, ini
    paths = locate(ini, toml, cwd=home.cwd)
    beside = [posixpath.dirname(home.config)] if not paths.script_location else []
    tree.update(read(sorted(set(_wanted(paths, (*paths.search, *beside), home.cwd)))))
    paths = locate(ini, toml, cwd=home.cwd, exists=lambda path: _exists(tree, path))
    if not paths.script_location:
        reason = "; ".join(problem.message for problem in paths.problems) or "no script_location is set"
        return Unknown(f"{home.config}: {reason}")
    missing = [folder for folder in paths.version_locations if not _is_folder(tree, folder)]
    if missing:  # a link to another folder among them
        tree.update(read(missing))
    tree = {path: _followed(entry) for path, entry in tree.items()}
    history = _as_the_place_has_it(read_history(tree, paths, known), tree)
    graph = build(history.revisions, history.unreadable, folder=", ".join(paths.version_locations))
    config = home.config if home.config != pyproject else ""
    return Environment(_migrations(tree, paths, history, home.cwd, config), graph, paths, history.problems)


def _config(tree: Tree, path: str, home: Home, stand_in: bytes | None) -> ConfigFile | None:
    entry = tree.get(path)
    text = entry.content if entry else None
    if text is None:
        text = stand_in
    return parse_config(text, path, home.section) if text is not None else None


def _wanted(paths: ScriptPaths, folders: Sequence[str], cwd: str) -> Iterator[str]:
    """What to fetch: a script location as a whole (one request), but not one that may be the whole project."""
    whole = [folder for folder in folders if not f"{cwd}/".startswith(f"{folder.rstrip('/')}/")]
    for folder in folders:
        if folder not in whole:
            yield posixpath.join(folder, "versions")
            yield from (posixpath.join(folder, name) for name in AROUND)
    versions = [path for path in paths.version_locations if not any(path.startswith(f"{folder}/") for folder in whole)]
    yield from (*whole, *versions)


def _exists(tree: Tree, path: str) -> bool:
    return path in tree or any(known.startswith(path.rstrip("/") + "/") for known in tree)


def _is_folder(tree: Tree, path: str) -> bool:
    entry = tree.get(path)
    if entry is not None and entry.kind is EntryKind.DIRECTORY:
        return True
    return any(known.startswith(f"{path}/") for known in tree)


def _followed(entry: Entry) -> Entry:
    """A symlink that the reader has read through is, to Alembic, the file it leads to."""
    if entry.kind is EntryKind.SYMLINK and entry.content is not None:
        return replace(entry, kind=EntryKind.FILE)
    return entry


def _as_the_place_has_it(history: History, tree: Tree) -> History:
    """The same history with each script where the place keeps it, which need not be the path that was asked for."""
    if all(path == entry.path for path, entry in tree.items()):
        return history
    real = {path: entry.path for path, entry in tree.items()}
    return replace(
        history,
        revisions=tuple(replace(each, path=real.get(each.path, each.path)) for each in history.revisions),
        unreadable=tuple(replace(each, path=real.get(each.path, each.path)) for each in history.unreadable),
    )


def _folder(tree: Tree, path: str) -> str:
    """Where the place keeps a folder that was asked for as ``path``."""
    for asked, entry in tree.items():
        if asked.startswith(f"{path}/") and entry.path.endswith(asked[len(path) :]):
            return entry.path[: len(entry.path) - len(asked[len(path) :])]
    return tree[path].path if path in tree else path


def _migrations(tree: Tree, paths: ScriptPaths, history: History, cwd: str, config: str) -> MigrationSet:
    def file(path: str, name: str) -> MigrationFile:
        entry = tree[path]
        return MigrationFile(
            name, entry.path, entry.sha256, entry.size, entry.mtime, entry.mode, entry.uid, entry.content or b""
        )

    def below(path: str) -> str:
        """The key that all places share. ``..`` tells scripts of a second versions folder from those of the first."""
        return posixpath.relpath(path, paths.script_location)

    scripts = [file(path, below(path)) for path in history.scripts if path in tree and path.endswith(".py")]
    around = {posixpath.join(paths.script_location, name): name for name in AROUND}
    around[config] = posixpath.relpath(config, cwd) if config.startswith(f"{cwd}/") else posixpath.basename(config)
    environment = [
        file(path, name) for path, name in around.items() if path in tree and tree[path].kind is EntryKind.FILE
    ]
    sources = set(history.scripts) | set(history.others)
    bytecode = [path for path in sorted(sources) if path.endswith((".pyc", ".pyo")) and path[:-1] not in sources]
    return MigrationSet(
        tuple(_folder(tree, folder) for folder in paths.version_locations),
        {script.name: script for script in scripts},
        history.revisions,
        history.unreadable,
        {file.name: file for file in environment},
        tuple(bytecode),
        paths.sourceless,
        _folder(tree, paths.script_location),
    )
