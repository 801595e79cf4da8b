"""Trees of entries for tests: from texts in memory, or from a folder on disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from migops.core.model import Entry, EntryKind, Tree


def tree(files: dict[str, str | bytes], links: dict[str, str] | None = None) -> Tree:
    """Files by absolute path, and symlinks by absolute path."""
    entries = {path: _file(path, text if isinstance(text, bytes) else text.encode()) for path, text in files.items()}
    entries.update({path: Entry(path, EntryKind.SYMLINK, target=to) for path, to in (links or {}).items()})
    return entries


def read(folder: Path) -> Tree:
    """All of a folder on disk, symlinks as they are."""
    entries = {str(folder): Entry(str(folder), EntryKind.DIRECTORY)}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(root, name)
            if os.path.islink(path):
                entries[path] = Entry(path, EntryKind.SYMLINK, target=os.readlink(path))
            elif os.path.isdir(path):
                entries[path] = Entry(path, EntryKind.DIRECTORY)
            else:
                entries[path] = _file(path, Path(path).read_bytes())
    return entries


def _file(path: str, content: bytes) -> Entry:
    return Entry(path, EntryKind.FILE, len(content), sha256=hashlib.sha256(content).hexdigest(), content=content)
