"""The host source: the working tree, read without following links out of it and without blocking."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Entry, EntryKind, Location, Tree

KEPT_BYTES = 4 * 1024 * 1024  # the largest file whose content is kept, far above any migration script
NOT_READ = frozenset({".git", "node_modules", ".venv", ".tox", ".mypy_cache", ".pytest_cache"})


class HostReader:
    """Reader of folders of the working tree, which records its reads for ``written_meanwhile``.

    Links out of ``root`` are not followed. ``elsewhere`` maps a path that does not exist on this machine
    (``script_location = /app/migrations``) to the build's source for it.
    """

    def __init__(self, root: Path, elsewhere: Callable[[str], Path | None] = lambda path: None) -> None:
        self.root = root
        self.elsewhere = elsewhere
        self.read: dict[Path, dict[str, Entry]] = {}

    def __call__(self, paths: Sequence[str]) -> Tree:
        tree: dict[str, Entry] = {}
        for path in paths:
            there = Path(path)
            if not os.path.lexists(there):
                there = self.elsewhere(path) or there
            entries = self.read[there] = read_tree([there], self.root)
            # Keyed by the requested path, so that a path of the container and its source on the host are the same.
            tree.update({path + key[len(str(there)) :]: entry for key, entry in entries.items()})
        return tree

    @property
    def entries(self) -> dict[str, Entry]:
        """Everything that was read, by path on the host."""
        return {path: entry for found in self.read.values() for path, entry in found.items()}

    def written_meanwhile(self) -> str:
        """The first path that was added, removed or written since it was read; '' if none was."""
        for path, before in self.read.items():
            now = {str(found): found for found in _walk(path, self.root)}
            changed = [key for key in now.keys() & before.keys() if not _unwritten(now[key], before[key])]
            for key in sorted((now.keys() ^ before.keys()) | set(changed)):
                return key
        return ""


def read_tree(paths: Sequence[Path], root: Path) -> dict[str, Entry]:
    """Everything at and below ``paths``, keyed by absolute path, with the content of files up to ``KEPT_BYTES``.

    A symlink is followed as long as it stays below ``root``. Raises MigopsError for one that loops or leads out of
    ``root``, and for anything that is neither file nor folder: a build could not copy its target. A path that does not
    exist is not in the answer.
    """
    tree: dict[str, Entry] = {}
    for path in paths:
        for inner in _walk(path, root):
            tree[str(inner)] = _entry(inner)
    return tree


def digest(source: Path | bytes) -> str:
    """The SHA-256, in hex, of a file (or of these bytes), read block by block."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    hashed = hashlib.sha256()
    try:
        with source.open("rb") as file:
            while block := file.read(1 << 20):
                hashed.update(block)
    except OSError as error:
        raise MigopsError(f"cannot be read: {_reason(error)}", at=Location(str(source))) from None
    return hashed.hexdigest()


def _walk(path: Path, root: Path) -> Iterator[Path]:
    if not os.path.lexists(path):
        return
    kind = _kind(path, root)
    if kind is EntryKind.FILE:
        yield path
        return
    yield path
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        raise MigopsError(f"cannot read the folder: {error.strerror}", at=Location(str(path))) from None
    for name in names:
        if name not in NOT_READ:
            yield from _walk(path / name, root)


def _kind(path: Path, root: Path) -> EntryKind:
    """FILE or DIRECTORY, symlinks followed. Raises MigopsError with the reason for anything else."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise MigopsError(f"cannot be read: {_reason(error)}", at=Location(str(path))) from None
    if stat.S_ISLNK(mode):
        mode = _linked(path, root.resolve())  # only for links, which are rare: resolving stats every parent folder
    if stat.S_ISDIR(mode):
        return EntryKind.DIRECTORY
    if stat.S_ISREG(mode):
        return EntryKind.FILE
    raise MigopsError("is neither a file nor a folder; it was not opened", at=Location(str(path)))


def _linked(path: Path, root: Path) -> int:
    """The mode of a symlink's target, which must be below ``root``."""
    try:
        real = path.resolve(strict=True)
        mode = real.stat().st_mode
    except (OSError, RuntimeError):  # Python before 3.13 raises RuntimeError for a loop of symlinks
        why = "it is a broken or circular symlink"
        raise MigopsError(f"cannot be read: {why}", at=Location(str(path)), hint="fix or remove the link") from None
    if not real.is_relative_to(root):
        raise MigopsError(
            f"is a symlink out of {root}, to {real}: a build would copy the link, not the file",
            at=Location(str(path)),
            hint="put the file itself there",
        )
    if stat.S_ISDIR(mode) and path.absolute().is_relative_to(real):
        raise MigopsError("is a symlink to one of its own parent folders", at=Location(str(path)))
    return mode


def _entry(path: Path) -> Entry:
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            return Entry(
                str(path), EntryKind.DIRECTORY, 0, stat.S_IMODE(info.st_mode), info.st_mtime, info.st_uid, info.st_gid
            )
        with path.open("rb") as file:
            content = file.read(KEPT_BYTES + 1)
            digest = hashlib.sha256(content)
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise MigopsError(f"cannot be read: {_reason(error)}", at=Location(str(path))) from None
    kept = content if len(content) <= KEPT_BYTES else None
    return Entry(
        str(path), EntryKind.FILE, info.st_size, stat.S_IMODE(info.st_mode), info.st_mtime, info.st_uid, info.st_gid,
        sha256=digest.hexdigest(), content=kept,
    )  # fmt: skip


def _unwritten(path: Path, before: Entry) -> bool:
    if before.kind is EntryKind.DIRECTORY:
        return True  # its content is compared name by name
    try:
        info = path.stat()
    except OSError:
        return False
    return (info.st_size, info.st_mtime) == (before.size, before.mtime)


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
