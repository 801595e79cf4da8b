"""Selection of the migration scripts in a tree: the same files, in the same order, as Alembic 1.20 would load."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, replace

from migops.core.model import EntryKind, Location, Revision, Tree, Unreadable
from migops.migrations.folders import Folders
from migops.migrations.locate import ScriptPaths
from migops.migrations.problem import Problem
from migops.migrations.revisions import Script, read_revision

COMMITS_BY_ITSELF = re.compile(
    rb"""autocommit_block|isolation_level\W+AUTOCOMMIT|\.commit\(\)|["'](?i:\s*commit\s*;?\s*)["']"""
)
"""Matches a script that commits in between: if it fails later, its first part stays, and no row records that."""
_SOURCE = re.compile(r"(?!\.\#|__init__)(.*\.py)$")
_SOURCE_OR_BYTECODE = re.compile(r"(?!\.\#|__init__)(.*\.py)(c|o)?$")


@dataclass(frozen=True, slots=True)
class History:
    """The content of the versions folders of one source."""

    revisions: tuple[Revision, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()  # faults in scripts, also in those with a readable revision
    scripts: tuple[str, ...] = ()  # the paths that Alembic loads, in its order, symlinks resolved
    others: tuple[str, ...] = ()  # files beside them that Alembic ignores (``__init__.py``, bytecode, notes)
    problems: tuple[Problem, ...] = ()  # missing folders, and files that are reached twice


Known = MutableMapping[str, Script]
"""Scripts that were read before, by the digest of their bytes: sources contain mostly the same files."""


def read_history(tree: Tree, paths: ScriptPaths, known: Known | None = None) -> History:
    """Read the migration scripts of a source.

    ``tree`` contains at least the versions folders, with the files' ``content``. Pass the same ``known`` for every
    source, so that each text is parsed once.
    """
    folders = Folders(tree)
    problems = list(paths.problems)
    if paths.script_location and not folders.exists(paths.script_location):
        problems.append(_no_folder(paths))
        return History(problems=tuple(problems))
    loaded, others = _select(folders, paths)
    revisions: list[Revision] = []
    unreadable: list[Unreadable] = []
    for path in loaded:
        script = _read(path, folders, {} if known is None else known)
        revisions += [script.revision] if script.revision else []
        unreadable += script.unreadable
    return History(tuple(revisions), tuple(unreadable), loaded, others, tuple(problems))


def _no_folder(paths: ScriptPaths) -> Problem:
    at = paths.at or Location(paths.script_location)
    return Problem("MIG502", at, f"script_location points to {paths.script_location}, which does not exist")


def _select(folders: Folders, paths: ScriptPaths) -> tuple[tuple[str, ...], tuple[str, ...]]:
    loaded: dict[str, None] = {}
    others: dict[str, None] = {}
    pattern = _SOURCE_OR_BYTECODE if paths.sourceless else _SOURCE
    for location in paths.version_locations:
        if not folders.exists(location):
            continue  # Alembic ignores it too
        for listed in _listed(folders, location, paths):
            path = folders.resolve(listed) or listed
            match = pattern.match(posixpath.basename(path))
            if match is None or (paths.sourceless and _hidden_by_source(folders, path, match)):
                others[path] = None
            else:
                loaded[path] = None
    return tuple(loaded), tuple(others)


def _listed(folders: Folders, location: str, paths: ScriptPaths) -> Iterator[str]:
    """The files of a versions folder in the order of Alembic's own walk."""
    todo = [location]
    while todo:
        root = todo.pop()
        names, below = folders.list(root)
        todo += [posixpath.join(root, name) for name in reversed(below)]
        if root.endswith("__pycache__"):
            continue
        yield from (posixpath.join(root, name) for name in names)
        cache = posixpath.join(root, "__pycache__")
        if paths.sourceless and folders.exists(cache):
            sources = {name.split(".")[0] for name in names}
            compiled, _ = folders.list(cache)
            yield from (posixpath.join(cache, name) for name in compiled if name.split(".")[0] not in sources)
        if not paths.recursive:
            return


def _hidden_by_source(folders: Folders, path: str, match: re.Match[str]) -> bool:
    """True if bytecode is ignored because its source (or, for ``.pyo``, a ``.pyc``) is beside it."""
    kind, source = match.group(2), posixpath.join(posixpath.dirname(path), match.group(1))
    return kind is not None and (folders.exists(source) or (kind == "o" and folders.exists(source + "c")))


def _read(path: str, folders: Folders, known: Known) -> Script:
    entry = folders.entry(path)
    if entry is None:
        return _unreadable(path, "a broken symbolic link; Alembic fails on it")
    if entry.kind is not EntryKind.FILE:
        return _unreadable(path, f"not a file but a {entry.kind.value}; Alembic fails on it")
    if entry.content is None:
        return _unreadable(path, f"its content was not read ({entry.size} bytes)")
    # The result depends on a file's name only if that is hexadecimal, so only then the name is part of the key.
    key = f"{entry.sha256}:{posixpath.basename(path)}"
    if not entry.sha256:
        return read_revision(path, entry.content)
    script = known.get(key)
    if script is None:
        known[key] = script = read_revision(path, entry.content)
    return _moved(script, path)


def _moved(script: Script, path: str) -> Script:
    """The same script at another path."""
    if script.revision and not script.unreadable and script.revision.path == path:
        return script
    revision = replace(script.revision, path=path) if script.revision else None
    return Script(revision, tuple(replace(each, path=path) for each in script.unreadable))


def _unreadable(path: str, reason: str) -> Script:
    return Script(None, (Unreadable(path, 0, reason),))
