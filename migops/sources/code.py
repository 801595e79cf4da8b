"""The whole code, not only migrations: every file that the build would bring, against what the image has there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from migops.core.model import Entry, EntryKind, Unknown
from migops.dockerfile.trace import BuildView, ContextFile
from migops.images import Image
from migops.images.image import Layer
from migops.images.layers import attribute_tree
from migops.sources.host import digest

COMPILED = (".pyc", ".pyo")
VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
"""Folders that change with every commit and hold no code of the application."""


@dataclass(frozen=True, slots=True)
class Code:
    """How the image's files differ from what a build would bring now; paths are those of the image.

    ``changed`` have another text, ``missing`` are not in the image, ``extra`` lie in a layer that a COPY made and the
    build would not bring them. ``layers`` says which layer holds each changed or extra file. ``compared`` counts the
    files that the build would bring.
    """

    compared: int
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    layers: Mapping[str, Layer | Unknown] = field(default_factory=dict)


def compare_code(view: BuildView, image: Image) -> Code:
    """Compare by digest, and name the layers only where something differs: that costs a pass over the image.

    Raises ``Unavailable`` where the image cannot be read, ``MigopsError`` where a file of the context cannot.
    """
    brought = {file.image_path: file for file in view.files_under("/") if _is_comparable(file)}
    folders = _folders(brought)
    # What lies in a folder comes along with it. Asked for by its own name, a link would be followed.
    there = image.read([*folders, *(path for path in brought if posixpath.dirname(path) == "/")])
    missing = sorted(path for path in brought if path not in there)
    changed = sorted(path for path, file in brought.items() if path in there and not _same(file, there[path]))
    candidates = sorted(path for path, entry in there.items() if path not in brought and _is_code(path, entry))
    if not changed and not candidates:
        return Code(len(brought), missing=tuple(missing))
    found = attribute_tree(image, [*folders, *changed], base=view.base.ref).layer_of
    extra = [path for path in candidates if _copied(found.get(path))]
    unknown = Unknown("the image has no such path")
    layers = {path: found.get(path, unknown) for path in (*changed, *extra)}
    return Code(len(brought), tuple(changed), tuple(missing), tuple(extra), layers)


def _folders(paths: Iterable[str]) -> list[str]:
    """The folders that the build fills, without those below another of them, and never the root itself."""
    folders = {posixpath.dirname(path) for path in paths} - {"/"}
    return sorted(folder for folder in folders if not any(folder.startswith(f"{other}/") for other in folders))


def _is_comparable(file: ContextFile) -> bool:
    """All but what is no code, and a link at the very root: an image answers that with what it leads to."""
    at_root = posixpath.dirname(file.image_path) == "/"
    return _counts(file.image_path) and not (at_root and file.kind is EntryKind.SYMLINK)


def _same(file: ContextFile, entry: Entry) -> bool:
    if file.kind is EntryKind.SYMLINK:
        return entry.kind is EntryKind.SYMLINK and entry.target == file.target
    if entry.kind is not EntryKind.FILE:
        return False
    return entry.sha256 == digest(file.host_path if file.host_path is not None else file.content or b"")


def _is_code(path: str, entry: Entry) -> bool:
    return entry.kind is not EntryKind.DIRECTORY and not path.endswith(COMPILED) and _counts(path)


def _counts(path: str) -> bool:
    """Version control is no code, and what a ``.env`` file holds belongs in no image: neither is asked for there."""
    return VERSION_CONTROL.isdisjoint(path.split("/")) and not is_env_file(path)


def is_env_file(path: str) -> bool:
    """Whether a file is named as those that hold settings of one machine: ``.env``, ``.env.prod``, ``.envrc``."""
    name = posixpath.basename(path)
    return name in (".env", ".envrc") or name.startswith(".env.")


def _copied(layer: Layer | Unknown | None) -> bool:
    """Whether a COPY or ADD of this Dockerfile brought the file: what a RUN made is not stale for being there."""
    return isinstance(layer, Layer) and layer.base is not True and layer.instruction.split(" ", 1)[0] in ("COPY", "ADD")
