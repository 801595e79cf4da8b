"""Alembic's view in any source: from its working directory to the scripts that it would load.

The host, the build context and the image differ only in how bytes are fetched, so each passes a ``Reader`` to
``read_environment``, and one implementation decides what Alembic would see.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Entry, EntryKind, MigrationFile, MigrationSet, Tree, Unknown
from migops.migrations.build import build
from migops.migrations.config import ConfigFile, parse_config
from migops.migrations.graph import Graph
from migops.migrations.locate import FindPackage, ScriptPaths, absolute, locate
from migops.migrations.problem import Problem
from migops.migrations.scripts import History, Known, read_history
from migops.sources.home import Home, Reader

TEXTS = (".py", ".ini", ".toml", ".cfg", ".conf", ".mako")
"""Suffixes of the files whose text is read. Of other files (a dump, for example) only the digest is used."""

AROUND = ("env.py", "script.py.mako")
"""The files beside the versions folder that affect migrations."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Alembic's view in a source, and the problems in it."""

    migrations: MigrationSet
    graph: Graph
    paths: ScriptPaths
    problems: tuple[Problem, ...]
    cwd: str = ""  # the folder that Alembic is started in


def read_environment(read: Reader, home: Home, known: Known) -> Environment | Unknown:
    """Read a source: its configuration, the folders that this names, the scripts in them.

    ``known`` is shared between sources, so that the same text is parsed once. Unknown if the configuration does not
    lead to a script folder. A configuration in a package folder is often used from above
    (``alembic -c shop/alembic.ini``): if its scripts are not below the working directory, the other folders from which
    Alembic may be started are tried, and the first one that has them is used, with a note.
    """
    environment = _read(read, home, known)
    if isinstance(environment, Unknown) or environment.migrations.scripts or environment.migrations.bytecode:
        return environment
    is_missing = any(problem.rule == "MIG502" for problem in environment.problems)
    beside = posixpath.dirname(home.config)
    tried = {environment.paths.script_location}
    for folder in dict.fromkeys((beside, *(home.around if is_missing else ()))):
        there = _read(read, replace(home, cwd=folder), known) if folder != home.cwd else environment
        if isinstance(there, Unknown) or there.paths.script_location in tried:
            continue
        tried.add(there.paths.script_location)
        if there.migrations.scripts:
            why = "next to its configuration" if folder == beside else "where its script_location exists"
            note = f"assuming that Alembic starts in {folder}, {why}, as {home.cwd} has no migrations"
            return replace(there, migrations=replace(there.migrations, note=note))
    return environment


def _read(read: Reader, home: Home, known: Known) -> Environment | Unknown:
    tree = dict(read(sorted({home.config, home.second})))
    try:
        first = _config(tree, home.config, home, home.text)
        second = _config(tree, home.second, home, None)
    except MigopsError as error:
        return Unknown(str(error), error.hint)
    ini, toml = (second, first) if home.is_toml else (first, second)
    package = _packages(read, home)
    by_app = {"script_location": home.script_location} if home.script_location else None
    paths = locate(ini, toml, cwd=home.cwd, set_by_app=by_app, package=package)
    beside = [posixpath.dirname(home.config)] if not paths.script_location else []
    tree.update(read(sorted(set(_wanted(paths, (*paths.search, *beside), home.cwd)))))
    paths = locate(ini, toml, cwd=home.cwd, exists=lambda path: _exists(tree, path), set_by_app=by_app, package=package)
    if not paths.script_location:
        reason = "; ".join(problem.message for problem in paths.problems) or "no script_location is set"
        if home.by and ini is None and toml is None:
            reason = "no such file"
        return Unknown(f"{home.config}{f' ({home.by})' if home.by else ''}: {reason}")
    if paths.package and package is None:
        _stop_where_installed(read, paths, home)
    missing = [folder for folder in paths.version_locations if not _is_folder(tree, folder)]
    if missing:  # for example a link to another folder
        tree.update(read(missing))
    tree = {path: _followed(entry) for path, entry in tree.items()}
    if home.decides:
        _stop_where_env_decides(tree, paths, home)
    history = _as_the_place_has_it(read_history(tree, paths, known), tree)
    graph = build(history.revisions, history.unreadable, folder=", ".join(paths.version_locations))
    migrations = _migrations(tree, paths, history, home.cwd, ini.path if ini else "")
    if home.by:
        migrations = replace(migrations, note=f"{home.by} makes Alembic read {home.config}")
    return Environment(migrations, graph, paths, history.problems, home.cwd)


def _packages(read: Reader, home: Home) -> FindPackage | None:
    """The lookup of packages in a container; None for a source without a Python of its own."""
    if home.environment is None:
        return None

    def find(name: str, prepended: tuple[str, ...], folder: str) -> str:
        from migops.sources.python_path import find  # few configurations name a package

        return find(name, folder, read, home, prepended)

    return cache(find)


def _stop_where_installed(read: Reader, paths: ScriptPaths, home: Home) -> None:
    """Raise ``Unavailable`` if none of the source's folders has the package that ``script_location`` names."""
    top, *inner = paths.package.split(".")
    depth = len(inner) + 1
    parents = []
    for folder in paths.search:
        parts = folder.split("/")
        at = next((n for n in range(len(parts) - depth, -1, -1) if parts[n : n + depth] == [top, *inner]), None)
        parents += ["/".join(parts[: at + 1])] if at is not None else []
    if not parents or read(sorted(set(parents))):
        return
    raise Unavailable(
        f"{home.config}: script_location names the package {top!r}, which is in none of "
        f"{', '.join(dict.fromkeys(posixpath.dirname(each) or '/' for each in parents))}: an installed package?",
        hint="migops compares the project's own files; if it is one of them, add its folder to prepend_sys_path",
    )


def _stop_where_env_decides(tree: Tree, paths: ScriptPaths, home: Home) -> None:
    """Raise ``Unavailable`` if env.py sets the folders itself: only running it would determine them."""
    entry = tree.get(posixpath.join(paths.script_location, "env.py"))
    text = entry.content if entry and entry.content else b""
    if b"version_locations" not in text and b"script_location" not in text:
        return
    from migops.migrations.env_script import moved

    settled = {paths.script_location, *paths.version_locations}
    for line, shown, folders in moved(text.decode("utf-8", "replace")):
        if folders is None or not {absolute(home.cwd, each) for each in folders} <= settled:
            raise Unavailable(
                f"{entry.path if entry else 'env.py'}:{line} chooses the folders of the migrations (`{shown}`), and "
                "migops does not run it to find out",
                hint="set version_locations and script_location in Alembic's configuration file instead of env.py",
            )


def _config(tree: Tree, path: str, home: Home, stand_in: bytes | None) -> ConfigFile | None:
    entry = tree.get(path)
    text = entry.content if entry else None
    if text is None:
        text = stand_in
    return parse_config(text, path, home.section) if text is not None else None


def _wanted(paths: ScriptPaths, folders: Sequence[str], cwd: str) -> Iterator[str]:
    """The paths to fetch: a script location as a whole (one request), unless it may be the whole project."""
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
    """The entry as Alembic sees it: a symlink with content is the file that it leads to."""
    if entry.kind is EntryKind.SYMLINK and entry.content is not None:
        return replace(entry, kind=EntryKind.FILE)
    return entry


def _as_the_place_has_it(history: History, tree: Tree) -> History:
    """The history with each script's real path in the source, which may differ from the requested path."""
    if all(path == entry.path for path, entry in tree.items()):
        return history
    real = {path: entry.path for path, entry in tree.items()}
    return replace(
        history,
        revisions=tuple(replace(script, path=real.get(script.path, script.path)) for script in history.revisions),
        unreadable=tuple(replace(script, path=real.get(script.path, script.path)) for script in history.unreadable),
    )


def _folder(tree: Tree, path: str) -> str:
    """The real path in the source of the folder requested as ``path``."""
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
        """The key shared by all sources. ``..`` marks scripts of a second versions folder."""
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
