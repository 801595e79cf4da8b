"""``include``: resources of other projects in this one. Source: compose-go's ``loader`` package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from migops.compose.dotenv import read_env_files
from migops.compose.layer import Layer, folder_of, named, on_disk, read_named
from migops.compose.merge import override_resource
from migops.compose.paths import join, parent
from migops.compose.reset import TreePath, remove
from migops.compose.scalars import go_type, sprint
from migops.compose.tree import Map, Mark, Seq, refuse
from migops.compose.yamlfile import Document

Files = list[tuple[str, list[Document]]]


def included(document: Map, file: str, layer: Layer) -> Iterator[tuple[Files, Layer]]:
    """The files of each entry of ``include``, and the layer to load them in. Removes the key from ``document``."""
    mark = document.marks.get("include")
    entries = document.pop("include", None)
    if entries is None or mark is None:
        return
    if not isinstance(entries, Seq):
        raise refuse(f"`include` must be a list, got {sprint(entries)}", mark)
    before = (*layer.included, file)
    for entry, entry_mark in entries.marked():
        yield _entry(entry, entry_mark, layer, before)


def _entry(entry: Any, mark: Mark, layer: Layer, before: tuple[str, ...]) -> tuple[Files, Layer]:
    paths, project_directory, env_files = _fields(entry, mark)
    first = named(paths[0], layer) if paths else ""
    if first in before:
        cycle = "\n include ".join([*before[1:], first])
        raise refuse(f"include cycle detected:\n{before[0]}\n include {cycle}", mark)
    if not project_directory:
        directory = parent(first) if first else layer.base
        relative = folder_of(first, layer) if first else layer.directory
    elif project_directory.startswith("/"):
        directory = relative = project_directory
    else:
        directory = join(layer.directory, project_directory)
        relative = folder_of(project_directory, layer)
    environment = _environment(env_files, directory, mark, layer)
    files = [read_named(path, mark, layer) for path in paths]
    return files, replace(layer, directory=relative, base=directory, environment=environment, included=before)


def _fields(entry: Any, mark: Mark) -> tuple[list[str], str, list[str]]:
    if isinstance(entry, str):
        return [entry], "", []
    if not isinstance(entry, Map):
        raise refuse(f"include: expected a map or a path, got {go_type(entry)}", mark)
    directory = entry.get("project_directory")
    if not isinstance(directory, (str, type(None))):
        raise refuse("include.project_directory must be a string", entry.marks["project_directory"])
    return _texts(entry, "path"), directory or "", _texts(entry, "env_file")


def _texts(entry: Map, key: str) -> list[str]:
    value = entry.get(key)
    items = value if isinstance(value, Seq) else [] if value is None else [value]
    if not all(isinstance(item, str) for item in items):
        raise refuse(f"include.{key} must be a string or a list of strings", entry.marks[key])
    return list(items)


def _environment(env_files: list[str], directory: str, mark: Mark, layer: Layer) -> Mapping[str, str]:
    """The including project's environment, extended by the include's own env file (or the ``.env`` in its folder)."""
    files = []
    for env_file in env_files:
        path = env_file if env_file.startswith("/") else join(layer.directory, env_file)
        real = on_disk(path, layer)
        if not Path(real).exists():
            raise refuse(f"stat {path}: no such file or directory", mark)
        if Path(real).is_dir():
            raise refuse(f"{path} is not a file", mark)
        files.append(real)
    default = on_disk(join(directory, ".env"), layer)
    if not env_files and Path(default).exists() and not Path(default).is_dir():
        files = [default]
    added = read_env_files(files, dict(layer.environment), layer.notes.unset)
    return {**added, **layer.environment}


def import_resources(imported: Map, document: Map, resets: tuple[TreePath, ...]) -> None:
    """Add an included project's resources. One that the document defines too is merged under it, as since compose 5.

    ``resets``: the paths in the document under ``!reset`` and ``!override``.
    """
    for kind in ("services", "volumes", "networks", "secrets", "configs", "models", "jobs"):
        resources = imported.get(kind)
        if not isinstance(resources, Map):
            continue
        if not isinstance(document.get(kind), Map):
            document.put(kind, Map(), imported.marks[kind])
        own = document[kind]
        for name, resource in resources.items():
            mark = resources.marks[name]
            if name not in own:
                own.put(name, resource, mark)
            elif own[name] != resource:
                remove(Map.of([(kind, Map.of([(name, resource)], mark))], mark), resets)
                own[name] = override_resource((resource, mark), (own[name], own.marks[name]), kind, name)
