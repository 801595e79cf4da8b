"""Files → one merged document: the order of compose's steps, and the files that a file draws in.

For each document of each file: substitute variables, ``extends``, ``!reset``, ``include``, merge over what came before,
drop redefined list items, check the schema, long forms. Source: compose-go's ``loader`` package.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from migops.compose.canonical import Canonical, omit_empty, set_defaults
from migops.compose.checks import check_attributes
from migops.compose.dotenv import read_env_files
from migops.compose.interpolate import interpolate
from migops.compose.merge import extend_service, go_type, keep_last, merge
from migops.compose.notes import Notes
from migops.compose.paths import Paths, join
from migops.compose.reset import TreePath, remove
from migops.compose.scalars import quoted, sprint, yaml_type
from migops.compose.schema import validate
from migops.compose.tree import Map, Mark, Seq, clone, refuse
from migops.compose.yamlfile import Document, documents, read
from migops.errors import MigopsError
from migops.model import Location

_REMOTE = ("oci://", "https://", "http://", "git://", "ssh://", "git@", "github.com/")


@dataclass(frozen=True, slots=True)
class Layer:
    """How one group of files (the project's, or an included one's) is loaded.

    ``directory`` is what its paths are made relative to: absolute for the project, relative to it for an include.
    ``base`` is the absolute folder in which its own references to files are found.
    """

    directory: str
    base: str
    environment: Mapping[str, str]
    home: str
    notes: Notes
    interpolated: bool = True
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a service definition comes from: its file, the services beside it, and that document's ``!reset`` paths."""

    file: str
    services: Map
    resets: tuple[TreePath, ...]


def load_files(files: list[tuple[str, list[Document]]], layer: Layer) -> Map:
    """The merged, checked document of several files in order, with its paths resolved. Uses the documents up."""
    merged = Map()
    for file, parsed in files:
        for document in parsed:
            if not isinstance(document.value, Map):
                raise _not_a_mapping(document.value, file)
            merged = _add_document(merged, document.value, document.resets, file, layer)
    set_defaults(merged)
    check_attributes(merged)
    Paths(layer.directory, layer.home).resolve(merged)
    _take_environment(merged, layer.environment)
    return merged


def _not_a_mapping(value: Any, file: str) -> MigopsError:
    said = "top-level object must be a mapping"
    if value is not None:
        kind = "!!seq" if isinstance(value, list) else f"!!{yaml_type(value)} `{sprint(value)}`"
        said = f"yaml: unmarshal errors:\n  line 1: cannot unmarshal {kind} into cli.named: {said}"
    return MigopsError(said, at=Location(file, 1), hint="a compose file starts with keys such as `services:`")


def _add_document(merged: Map, document: Map, resets: tuple[TreePath, ...], file: str, layer: Layer) -> Map:
    if layer.interpolated:
        interpolate(document, layer.environment, layer.notes)
    _apply_extends(document, resets, file, layer)
    remove(merged, resets)
    _apply_include(document, file, layer)
    merged = merge(merged, document)
    keep_last(merged)
    validate(merged, file)
    if "version" in merged:
        layer.notes.obsolete_version(file)
        del merged["version"]
    _long_forms(merged, layer)
    return merged


def _long_forms(document: Map, layer: Layer) -> None:
    Canonical(layer.notes.say, lenient=not layer.interpolated).apply(document)
    omit_empty(document)
    # Long forms can reveal further duplicates: a port of a range, say.
    keep_last(document)


def _take_environment(document: Map, environment: Mapping[str, str]) -> None:
    """A name without a value in a service's list takes the value of this layer's environment."""
    services = document.get("services")
    for service in services.values() if isinstance(services, Map) else ():
        listed = service.get("environment") if isinstance(service, Map) else None
        if isinstance(listed, Seq):
            for index, item in enumerate(listed):
                if item in environment:
                    listed[index] = f"{item}={environment[item]}"


def _apply_extends(document: Map, resets: tuple[TreePath, ...], file: str, layer: Layer) -> None:
    services = document.get("services")
    if "services" not in document:
        return
    if not isinstance(services, Map):
        raise refuse("services must be a mapping", document.marks["services"])
    source = _Source(file, services, resets)
    for name in list(services):
        services[name] = _extended(name, source, layer, ())


def _extended(name: str, source: _Source, layer: Layer, seen: tuple[tuple[str, str], ...]) -> Any:
    """The service with what it extends merged under it, recursively."""
    services, mark = source.services, source.services.marks[name]
    service = services[name]
    if service is None:
        return None
    if not isinstance(service, Map):
        raise refuse(f"services.{name} must be a mapping", mark)
    if "extends" not in service:
        return service
    reference, target = _reference(name, service)
    at = service.marks["extends"]
    if target is None:
        base_source = source
        if reference not in services:
            said = f"cannot extend service {quoted(name)} in {source.file}: service {quoted(reference)} not found"
            raise refuse(said, at)
        here = source.file
    else:
        base_source = _base_file(name, reference, target, source.file, layer, at)
        here = target
    seen = _track(seen, here, name, at)
    base = _extended(reference, base_source, layer, seen)
    if base is None:
        return service
    base = clone(base)
    held = Map.of([("services", Map.of([(name, base)], mark))], mark)
    remove(held, source.resets)
    base = held["services"].get(name) if isinstance(held.get("services"), Map) else None
    merged = extend_service(base if isinstance(base, Map) else Map(), service)
    merged.pop("extends", None)
    services[name] = merged
    return merged


def _reference(name: str, service: Map) -> tuple[str, str | None]:
    extends = service["extends"]
    mark = service.marks["extends"]
    if isinstance(extends, str):
        return extends, None
    reference = extends.get("service") if isinstance(extends, Map) else None
    if not isinstance(reference, str):
        raise refuse(f"extends.{name}.service is required", mark)
    file = extends.get("file")
    if file is not None and not isinstance(file, str):
        raise refuse(f"services.{name}.extends.file must be a string", extends.marks["file"])
    return reference, file


def _track(
    seen: tuple[tuple[str, str], ...], file: str, name: str, mark: Mark
) -> tuple[tuple[str, str], ...]:
    if (file, name) in seen:
        lines = ["Circular reference:", f"  {seen[0][1]} in {seen[0][0]}"]
        lines += [f"  extends {service} in {place}" for place, service in (*seen[1:], (file, name))]
        raise refuse("\n".join(lines), mark)
    return (*seen, (file, name))


def _base_file(name: str, reference: str, file: str, extending: str, layer: Layer, mark: Mark) -> _Source:
    """The services of another file, with its paths made relative to the layer's folder; it is not checked by itself."""
    _refuse_remote(file, mark)
    path = join(layer.base, file) if not file.startswith("/") else file
    folder = _folder(file, layer.base)
    content = _read_referenced(path, mark)
    merged = Map()
    resets: tuple[TreePath, ...] = ()
    for document in documents(content, path):
        if not isinstance(document.value, Map):
            raise _not_a_mapping(document.value, path)
        if layer.interpolated:
            interpolate(document.value, layer.environment, layer.notes)
        remove(merged, document.resets)
        resets = document.resets
        merged = merge(merged, document.value)
        keep_last(merged)
        _long_forms(merged, layer)
    services = merged.get("services")
    if services is None:
        raise refuse(f"cannot extend service {quoted(name)} in {path}: no services section", mark)
    if not isinstance(services, Map):
        raise refuse(f"cannot extend service {quoted(name)} in {path}: services must be a mapping", mark)
    if reference not in services:
        said = f"service {quoted(reference)} not found in {file}"
        raise refuse(f"cannot extend service {quoted(name)} in {extending}: {said}", mark)
    Paths(folder, layer.home).resolve(merged)
    return _Source(file, services, resets)


def _folder(file: str, base: str) -> str:
    """The folder of a referenced file, relative to ``base``: its paths are made absolute with the project's."""
    path = file if file.startswith("/") else join(base, file)
    folder = path if Path(path).is_dir() else os.path.dirname(path)  # noqa: PTH120 - texts, as compose has them
    return os.path.relpath(folder, base)


def _read_referenced(path: str, mark: Mark) -> bytes:
    try:
        return read(path)
    except MigopsError as error:
        raise refuse(error.message, mark, error.hint) from None


def _refuse_remote(path: str, mark: Mark) -> None:
    if path.startswith(_REMOTE):
        hint = "fetch it, and name the local copy"
        raise refuse(f"{path} is a remote resource: migops reads local compose files only", mark, hint)


def _apply_include(document: Map, file: str, layer: Layer) -> None:
    includes = document.get("include")
    if includes is None:
        document.pop("include", None)
        return
    mark = document.marks["include"]
    if not isinstance(includes, Seq):
        raise refuse(f"`include` must be a list, got {sprint(includes)}", mark)
    included = (*layer.included, file)
    for entry, entry_mark in includes.marked():
        imported = _load_include(entry, entry_mark, layer, included)
        for kind in ("services", "volumes", "networks", "secrets", "configs", "models"):
            _import(imported, document, kind)
    del document["include"]


def _load_include(entry: Any, mark: Mark, layer: Layer, included: tuple[str, ...]) -> Map:
    paths, project_directory, env_files = _include_entry(entry, mark)
    files = []
    for path in paths:
        _refuse_remote(path, mark)
        files.append(path if path.startswith("/") else join(layer.base, path))
    if files and files[0] in included:
        cycle = "\n include ".join([*included[1:], files[0]])
        raise refuse(f"include cycle detected:\n{included[0]}\n include {cycle}", mark)
    if not project_directory:
        directory = os.path.dirname(files[0]) if files else layer.base  # noqa: PTH120
        relative = _folder(files[0], layer.base) if files else layer.directory
    elif project_directory.startswith("/"):
        directory = relative = project_directory
    else:
        directory = join(layer.base, project_directory)
        relative = _folder(project_directory, layer.base)
    environment = _include_environment(env_files, directory, mark, layer)
    parsed = [(path, documents(_read_referenced(path, mark), path)) for path in files]
    inner = replace(layer, directory=relative, base=directory, environment=environment, included=included)
    return load_files(parsed, inner)


def _include_entry(entry: Any, mark: Mark) -> tuple[list[str], str, list[str]]:
    if isinstance(entry, str):
        return [entry], "", []
    if not isinstance(entry, Map):
        raise refuse(f"include: expected a map or a path, got {go_type(entry)}", mark)
    return _texts(entry, "path"), "".join(_texts(entry, "project_directory")), _texts(entry, "env_file")


def _texts(entry: Map, key: str) -> list[str]:
    value = entry.get(key)
    items = value if isinstance(value, Seq) else [] if value is None else [value]
    if not all(isinstance(item, str) for item in items):
        raise refuse(f"include.{key} must be a string or a list of strings", entry.marks[key])
    return list(items)


def _include_environment(env_files: list[str], directory: str, mark: Mark, layer: Layer) -> Mapping[str, str]:
    """The including environment, and what the include's own env file (or its folder's ``.env``) adds to it."""
    files = []
    for env_file in env_files:
        path = env_file if env_file.startswith("/") else join(layer.base, env_file)
        if not Path(path).exists():
            raise refuse(f"stat {path}: no such file or directory", mark)
        if Path(path).is_dir():
            raise refuse(f"{path} is not a file", mark)
        files.append(path)
    default = join(directory, ".env")
    if not env_files and Path(default).exists() and not Path(default).is_dir():
        files = [default]
    added = read_env_files(files, dict(layer.environment), layer.notes.unset)
    return {**added, **layer.environment}


def _import(imported: Map, document: Map, kind: str) -> None:
    resources = imported.get(kind)
    if not isinstance(resources, Map):
        return
    if not isinstance(document.get(kind), Map):
        document.put(kind, Map(), imported.marks[kind])
    own = document[kind]
    for name, resource in resources.items():
        if name in own:
            if own[name] != resource:
                raise refuse(f"{kind}.{name} conflicts with imported resource", own.marks[name])
            continue
        own.put(name, resource, resources.marks[name])
