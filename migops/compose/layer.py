"""State that the loading steps share: the context of a group of files, and access to files named in other files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.compose.canonical import Canonical
from migops.compose.defaults import omit_empty
from migops.compose.notes import Notes
from migops.compose.paths import join, parent
from migops.compose.scalars import sprint, yaml_type
from migops.compose.tree import Map, Mark, refuse
from migops.compose.unique import keep_last
from migops.compose.yamlfile import Document, documents, read
from migops.core.errors import MigopsError
from migops.core.location import Location

_REMOTE = ("oci://", "https://", "http://", "git://", "ssh://", "git@", "github.com/")


@dataclass(frozen=True, slots=True)
class Layer:
    """The context in which one group of files (the project's, or an included one's) is loaded."""

    directory: str  # the base of its paths: absolute, or for an include relative to the including project
    base: str
    """Folder of the other files that it names. Relative if includes are nested; compose then opens it from ``cwd``."""
    cwd: str  # the working directory
    environment: Mapping[str, str]
    home: str
    notes: Notes
    interpolated: bool = True
    included: tuple[str, ...] = ()


def long_forms(document: Map, layer: Layer) -> None:
    """Replace short forms by long ones, in place."""
    Canonical(layer.notes.say, lenient=not layer.interpolated).apply(document)
    omit_empty(document)
    # Long forms can reveal further duplicates: a port of a range, say.
    keep_last(document)


def mapping_of(value: Any, file: str) -> Map:
    """A document's value, which must be a mapping. Raises MigopsError otherwise."""
    if isinstance(value, Map):
        return value
    reason = "top-level object must be a mapping"
    if value is not None:
        kind = "!!seq" if isinstance(value, list) else f"!!{yaml_type(value)} `{sprint(value)}`"
        reason = f"yaml: unmarshal errors:\n  line 1: cannot unmarshal {kind} into cli.named: {reason}"
    raise MigopsError(reason, at=Location(file, 1), hint="a compose file starts with keys such as `services:`")


def named(path: str, layer: Layer) -> str:
    """The path of a file named in one of the layer's files: absolute, or relative to the working directory."""
    return path if path.startswith("/") else join(layer.base, path)


def on_disk(path: str, layer: Layer) -> str:
    """The absolute path of the file that compose would open for ``path``."""
    return join(layer.cwd, path) if not path.startswith("/") else path


def folder_of(path: str, layer: Layer) -> str:
    """The folder of a named file, relative to the layer's; all paths become absolute together at the end."""
    path = named(path, layer)
    folder = path if Path(on_disk(path, layer)).is_dir() else parent(path)
    together = folder.startswith("/") == layer.base.startswith("/")
    return os.path.relpath(folder, layer.base) if together else folder


def read_named(path: str, mark: Mark, layer: Layer) -> tuple[str, list[Document]]:
    """The path and the documents of a file that is named at ``mark``. Errors are reported at ``mark``."""
    if path.startswith(_REMOTE):
        hint = "fetch it, and name the local copy"
        raise refuse(f"{path} is a remote resource: migops reads local compose files only", mark, hint)
    path = named(path, layer)
    real = on_disk(path, layer)
    try:
        content = read(real)
    except MigopsError as error:
        raise refuse(error.message.replace(real, path), mark, error.hint) from None
    return path, documents(content, real)
