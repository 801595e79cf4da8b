"""The context place: what a build from the host, as it is now, would put at the image's paths. No engine is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from migops.core.model import Entry, EntryKind, Tree
from migops.dockerfile.trace import BuildView, ContextFile, ExcludedFile
from migops.dockerfile.tree import Origin
from migops.sources.host import read_tree

CACHED_BY_CONTENT = frozenset({Origin.CONTEXT, Origin.HEREDOC, Origin.STAGE, Origin.ARCHIVE})
"""Origins whose build-cache key is the files themselves: a plain build notices every change."""


@dataclass(frozen=True, slots=True)
class ContextReader:
    """Reads image paths as the build would fill them. ``root`` is the context's folder.

    ``known`` are entries of the host that were read below the same root: they are not read again.
    """

    view: BuildView
    root: Path
    known: Mapping[str, Entry] = field(default_factory=dict)

    def __call__(self, paths: Sequence[str]) -> Tree:
        tree: dict[str, Entry] = {}
        for asked in paths:
            for file in self.view.files_under(asked):
                tree.update(self._file(file))
        return tree

    def _file(self, file: ContextFile) -> Tree:
        """One file of the build; a link to a folder is read through, as far as the ignore file lets its files in."""
        if file.host_path is None:
            return {file.image_path: _written(file.image_path, file.content or b"")}
        path = str(file.host_path)
        found = self.known.get(path) or read_tree([file.host_path], self.root)[path]
        if found.kind is EntryKind.FILE:
            return {file.image_path: replace(found, path=file.image_path)}
        return self([file.image_path])

    def excluded(self, folders: Sequence[str]) -> tuple[ExcludedFile, ...]:
        """The files that an ignore file keeps out of these folders of the image."""
        return tuple(file for folder in folders for file in self.view.excluded_under(folder))

    def uncached(self, folders: Sequence[str]) -> str:
        """The first instruction with a say in these folders whose result the build cache keeps; '' where none has."""
        for folder in folders:
            for source in self.view.sources_of(folder):
                if source.origin not in CACHED_BY_CONTENT:
                    return f"{source.at}: {source.text.splitlines()[0]}"
        return ""


def _written(path: str, content: bytes) -> Entry:
    digest = hashlib.sha256(content).hexdigest()
    return Entry(path, EntryKind.FILE, len(content), 0o644, sha256=digest, content=content)
