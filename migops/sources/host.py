"""The host place: the working tree, read without following anything out of it and without ever blocking."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Entry, EntryKind, Location, Tree

KEPT_BYTES = 4 * 1024 * 1024  # the largest file whose content is kept: no migration script comes near
NOT_READ = frozenset({".git", "node_modules", ".venv", ".tox", ".mypy_cache", ".pytest_cache"})


class HostReader:
    """Reads folders of the working tree, and remembers what it read so that ``written_meanwhile`` can tell.

    ``root`` is the folder that nothing is followed out of. ``elsewhere`` finds a path that is not on this machine as it
    stands (``script_location = /app/migrations``): where the build takes it from.
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
            found = self.read[there] = read_tree([there], self.root)
            # Keyed as asked for, so that a path of the container and its source on the host are one and the same.
            tree.update({path + key[len(str(there)) :]: entry for key, entry in found.items()})
        return tree

    @property
    def entries(self) -> dict[str, Entry]:
        """All that was read, by where it lies on the host."""
        return {path: entry for found in self.read.values() for path, entry in found.items()}

    def written_meanwhile(self) -> str:
        """The first path that was added, removed or written since it was read; '' where none was."""
        for path, before in self.read.items():
            now = {str(found): found for found in _walk(path, self.root)}
            changed = [key for key in now.keys() & before.keys() if not _unwritten(now[key], before[key])]
            for key in sorted((now.keys() ^ before.keys()) | set(changed)):
                return key
        return ""


def read_tree(paths: Sequence[Path], root: Path) -> dict[str, Entry]:
    """Everything at and below ``paths``, keyed by absolute path, with the content of files up to ``KEPT_BYTES``.

    A symlink is read through as long as it stays below ``root``. One that loops or leads out of ``root``, and
    anything that is neither file nor folder, is bad input: a build could not copy what it leads to. A path that does
    not exist is simply not in the answer.
    """
    tree: dict[str, Entry] = {}
    for path in paths:
        for found in _walk(path, root):
            tree[str(found)] = _entry(found)
    return tree


def digest(source: Path | bytes) -> str:
    """The SHA-256, in hex, of a file's bytes (or of these bytes), read block by block."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    found = hashlib.sha256()
    try:
        with source.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    except OSError as error:
        raise MigopsError(f"cannot be read: {_reason(error)}", at=Location(str(source))) from None
    return found.hexdigest()


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
    """FILE or DIRECTORY, through symlinks; anything else is refused with the reason."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise MigopsError(f"cannot be read: {_reason(error)}", at=Location(str(path))) from None
    if stat.S_ISLNK(mode):
        mode = _linked(path, root.resolve())  # links are rare, and resolving costs a look at every folder above
    if stat.S_ISDIR(mode):
        return EntryKind.DIRECTORY
    if stat.S_ISREG(mode):
        return EntryKind.FILE
    raise MigopsError("is neither a file nor a folder; it was not opened", at=Location(str(path)))


def _linked(path: Path, root: Path) -> int:
    """The mode of what a symlink leads to, which must lie below ``root``."""
    try:
        real = path.resolve(strict=True)
        mode = real.stat().st_mode
    except (OSError, RuntimeError):  # RuntimeError is how Python before 3.13 reports a loop of symlinks
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
        return True  # what it holds is compared name by name
    try:
        info = path.stat()
    except OSError:
        return False
    return (info.st_size, info.st_mtime) == (before.size, before.mtime)


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
