"""Comparison of the whole code, not only migrations: every file that the build would copy with the image's file."""

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
"""Folders that change with every commit and contain no code of the application."""


@dataclass(frozen=True, slots=True)
class Code:
    """Differences between the image's files and those that a build would copy now. Paths are the image's."""

    compared: int  # number of files that the build would copy
    changed: tuple[str, ...] = ()  # with different content
    missing: tuple[str, ...] = ()  # not in the image
    extra: tuple[str, ...] = ()  # in a layer of a COPY, but not copied by the build
    layers: Mapping[str, Layer | Unknown] = field(default_factory=dict)  # of changed and extra files


def compare_code(view: BuildView, image: Image) -> Code:
    """Compare by digest. Layers are attributed only to differing files, as that needs a pass over the image.

    Raises ``Unavailable`` if the image cannot be read, ``MigopsError`` if a file of the context cannot.
    """
    brought = {file.image_path: file for file in view.files_under("/") if _is_comparable(file)}
    folders = _folders(brought)
    # Files are requested through their folder: a link requested by its own name would be followed.
    there = image.read([*folders, *(path for path in brought if posixpath.dirname(path) == "/")])
    missing = sorted(path for path in brought if path not in there)
    changed = sorted(path for path, file in brought.items() if path in there and not _same(file, there[path]))
    candidates = sorted(path for path, entry in there.items() if path not in brought and _is_code(path, entry))
    if not changed and not candidates:
        return Code(len(brought), missing=tuple(missing))
    layer_of = attribute_tree(image, [*folders, *changed], base=view.base.ref).layer_of
    extra = [path for path in candidates if _copied(layer_of.get(path))]
    unknown = Unknown("the image has no such path")
    layers = {path: layer_of.get(path, unknown) for path in (*changed, *extra)}
    return Code(len(brought), tuple(changed), tuple(missing), tuple(extra), layers)


def _folders(paths: Iterable[str]) -> list[str]:
    """The topmost folders that the build fills, never the root itself."""
    folders = {posixpath.dirname(path) for path in paths} - {"/"}
    return sorted(folder for folder in folders if not any(folder.startswith(f"{other}/") for other in folders))


def _is_comparable(file: ContextFile) -> bool:
    """False for files that are not code, and for a link in the root, which an image answers with its target.

    Python never runs a compiled file of ``__pycache__`` without its source, and writes it wherever the source is run:
    with the code mounted, a migration leaves some on the host.
    """
    if "__pycache__" in file.image_path.split("/"):
        return False
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
    """False for version control, and for ``.env`` files, whose content must not be read from an image."""
    return VERSION_CONTROL.isdisjoint(path.split("/")) and not is_env_file(path)


def is_env_file(path: str) -> bool:
    """True if a file has the name of a machine's settings: ``.env``, ``.env.prod``, ``.envrc``."""
    name = posixpath.basename(path)
    return name in (".env", ".envrc") or name.startswith(".env.")


def _copied(layer: Layer | Unknown | None) -> bool:
    """True if a COPY or ADD of this Dockerfile created the layer: a file from a RUN is not stale."""
    return isinstance(layer, Layer) and layer.base is not True and layer.instruction.split(" ", 1)[0] in ("COPY", "ADD")
