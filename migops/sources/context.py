"""The context source: the files that a build from the host would copy to the image's paths now. Needs no engine."""

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
"""Origins whose build-cache key is the content: a plain build detects every change."""


@dataclass(frozen=True, slots=True)
class ContextReader:
    """Reader of image paths as the build would fill them. ``root`` is the context's folder.

    ``known`` are entries of the host that were already read below the same root.
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
        """One file of the build. A link to a folder is followed, as far as the ignore file includes its files."""
        if file.host_path is None:
            return {file.image_path: _written(file.image_path, file.content or b"")}
        path = str(file.host_path)
        entry = self.known.get(path) or read_tree([file.host_path], self.root)[path]
        if entry.kind is EntryKind.FILE:
            return {file.image_path: replace(entry, path=file.image_path)}
        return self([file.image_path])

    def excluded(self, folders: Sequence[str]) -> tuple[ExcludedFile, ...]:
        """The files that an ignore file excludes from these folders of the image."""
        return tuple(file for folder in folders for file in self.view.excluded_under(folder))

    def uncached(self, folders: Sequence[str]) -> str:
        """The first instruction that affects these folders and whose result stays in the build cache; '' if none."""
        for folder in folders:
            for source in self.view.sources_of(folder):
                if source.origin not in CACHED_BY_CONTENT:
                    return f"{source.at}: {source.text.splitlines()[0]}"
        return ""


def _written(path: str, content: bytes) -> Entry:
    digest = hashlib.sha256(content).hexdigest()
    return Entry(path, EntryKind.FILE, len(content), 0o644, sha256=digest, content=content)
