"""A container's writable layer: files added, edited or deleted since the container was created.

It is never archived as a folder: the engine locks a container while it streams. If the layer's own folder is readable
on this machine, it is used; otherwise the engine lists the changes, and the few relevant files are fetched one by one.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from migops.core.errors import Unavailable
from migops.core.model import Entry, EntryKind, Tree
from migops.docker import Engine
from migops.docker.containers import changes, file_of, stat_of
from migops.images.layer import MAX_FILE, Budget, read_entry
from migops.images.tar import TarReader
from migops.sources.mounts import at_or_below

MOST_FILES = 200  # files that are fetched from a container one by one, about 20 ms each
_OPAQUE = "trusted.overlay.opaque"
_MOVED = ("trusted.overlay.redirect", "trusted.overlay.metacopy")


@dataclass(frozen=True, slots=True)
class Change:
    """A path of the container that differs from the image."""

    path: str
    deleted: bool = False


class WritableLayer(Protocol):
    """The writable layer of one container."""

    def changes(self, paths: Sequence[str]) -> Sequence[Change]:
        """The changes at and below ``paths``, and deleted folders above them; folders before their content."""

    def fetch(self, path: str) -> Entry | None:
        """A changed file with its content; a folder without; None if it has vanished meanwhile."""

    def is_large(self, paths: Sequence[str]) -> bool:
        """True if ``paths`` have too many changes to fetch file by file, for example after a ``chown -R``."""


def open_layer(engine: Engine, inspected: Mapping[str, Any]) -> WritableLayer:
    """The writable layer of the container, with the cheapest reader available."""
    container = str(inspected["Id"])
    driver = inspected.get("GraphDriver") or {}
    upper = (driver.get("Data") or {}).get("UpperDir") if driver.get("Name") == "overlay2" else None
    asked = _Asked(engine, container)
    if upper and engine.is_local and _sees_attributes() and os.access(upper, os.R_OK | os.X_OK):
        return _Folder(Path(upper), asked)
    return asked


def apply(layer: WritableLayer, paths: Sequence[str], tree: Tree, covered: Sequence[str]) -> tuple[Tree, list[str]]:
    """``tree`` with the layer applied, and the paths that it changed. Paths below a mount are not the layer's."""
    result, touched = dict(tree), []
    for change in layer.changes(paths):
        if any(at_or_below(change.path, target) for target in covered):
            continue
        if change.deleted:
            for path in [path for path in result if at_or_below(path, change.path)]:
                del result[path]
                touched.append(path)
            continue
        entry = layer.fetch(change.path)
        before = result.get(change.path)
        if entry is None or (entry.kind is EntryKind.DIRECTORY and before and before.kind is EntryKind.DIRECTORY):
            continue
        if before is None or (before.kind, before.sha256) != (entry.kind, entry.sha256):
            touched.append(change.path)
        result[change.path] = entry
    return result, touched


@dataclass(slots=True)
class _Asked:
    """The layer as listed by the engine. Listing walks the whole image, so it is done once."""

    engine: Engine
    container: str
    listed: tuple[Change, ...] | None = None
    budget: Budget = field(default_factory=Budget)

    def changes(self, paths: Sequence[str]) -> Sequence[Change]:
        if self.listed is None:
            self.listed = tuple(Change(path, deleted) for path, deleted in changes(self.engine, self.container))
        near = [c for c in self.listed if any(at_or_below(c.path, path) for path in paths)]
        near += [c for c in self.listed if c.deleted and any(at_or_below(path, c.path) for path in paths)]
        return sorted(set(near), key=lambda change: (change.path.count("/"), not change.deleted, change.path))

    def fetch(self, path: str) -> Entry | None:
        if _is_bytecode(path):
            return Entry(path, EntryKind.FILE)  # only its existence matters
        entry, target = self._one(path)
        if entry is not None and entry.kind is EntryKind.SYMLINK and target:
            file, _ = self._one(target)
            if file is not None and file.kind is EntryKind.FILE:
                return replace(entry, sha256=file.sha256, content=file.content)
        return entry

    def is_large(self, paths: Sequence[str]) -> bool:
        files = [each for each in self.changes(paths) if not each.deleted and not _is_bytecode(each.path)]
        return len(files) > MOST_FILES

    def _one(self, path: str) -> tuple[Entry | None, str]:
        """The entry at the path, and its target if it is a symlink."""
        status = stat_of(self.engine, self.container, path)
        if status is None:
            return None, ""
        if status.is_folder:
            return Entry(path, EntryKind.DIRECTORY), ""
        if status.size > MAX_FILE:
            raise Unavailable(f"{path!r} of the container is too large to be read as source ({status.size} bytes).")
        data = io.BytesIO()
        with file_of(self.engine, self.container, path) as stream:
            if stream is None:
                return None, ""
            while part := stream.read(1 << 16):
                data.write(part)
        data.seek(0)
        tar = TarReader(data, f"The engine's answer for {path!r}")
        for member in tar:
            return read_entry(path, member, tar, True, self.budget), status.link
        return None, ""


@dataclass(slots=True)
class _Folder:
    """The layer's own folder on this machine (overlayfs' upper directory), with deletions as devices 0/0."""

    upper: Path
    asked: _Asked

    def changes(self, paths: Sequence[str]) -> Sequence[Change]:
        try:
            return tuple(dict.fromkeys(change for path in paths for change in self._below(path)))
        except _Unclear:
            return self.asked.changes(paths)

    def _below(self, path: str) -> Iterator[Change]:
        parts = [part for part in path.split("/") if part]
        for depth in range(1, len(parts) + 1):
            here = "/" + "/".join(parts[:depth])
            kind = self._kind(here)
            if kind is None:
                return
            if kind == "deleted" or kind == "file" or self._is_opaque(here):
                yield Change(here, deleted=True)
            if kind != "folder":
                if kind == "file" and here == path:
                    yield Change(here)
                return
        yield from self._walk(path)

    def _walk(self, folder: str) -> Iterator[Change]:
        for name in sorted(each.name for each in Path(self._at(folder)).iterdir()):
            path = f"{folder.rstrip('/')}/{name}"
            kind = self._kind(path)
            if kind == "folder":
                if self._is_opaque(path):
                    yield Change(path, deleted=True)
                yield Change(path)
                yield from self._walk(path)
            elif kind is not None:
                yield Change(path, deleted=kind == "deleted")

    def _kind(self, path: str) -> str | None:
        """``folder``, ``deleted`` or ``file`` (anything else); None if the layer does not change the path."""
        try:
            info = os.lstat(self._at(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
            return "deleted"
        return "folder" if stat.S_ISDIR(info.st_mode) else "file"

    def _is_opaque(self, path: str) -> bool:
        if any(self._attribute(path, name) for name in _MOVED):
            raise _Unclear
        return self._attribute(path, _OPAQUE) == b"y"

    def _attribute(self, path: str, name: str) -> bytes:
        try:
            return os.getxattr(self._at(path), name, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENODATA, errno.ENOTSUP, errno.ENOENT):
                return b""
            raise _Unclear from error

    def fetch(self, path: str) -> Entry | None:
        if _is_bytecode(path):
            return Entry(path, EntryKind.FILE)
        try:
            info = os.lstat(self._at(path))
            if stat.S_ISDIR(info.st_mode):
                return Entry(path, EntryKind.DIRECTORY)
            if not stat.S_ISREG(info.st_mode) or self._attribute(path, _MOVED[1]):
                return self.asked.fetch(path)  # the engine resolves links inside the container
            if info.st_size > MAX_FILE:
                raise Unavailable(
                    f"{path!r} of the container is too large to be read as source ({info.st_size} bytes)."
                )
            self.asked.budget.keep(path, info.st_size)
            content = Path(self._at(path)).read_bytes()
        except FileNotFoundError:
            return None
        return Entry(
            path, EntryKind.FILE, len(content), stat.S_IMODE(info.st_mode), info.st_mtime, info.st_uid, info.st_gid,
            sha256=hashlib.sha256(content).hexdigest(), content=content,
        )  # fmt: skip

    def is_large(self, paths: Sequence[str]) -> bool:
        return False

    def _at(self, path: str) -> str:
        return f"{self.upper}{path}"


class _Unclear(Exception):
    """The folder uses a feature of overlayfs that only the engine can interpret."""


def _sees_attributes() -> bool:
    """True if overlayfs' own attributes are visible: without CAP_SYS_ADMIN they seem to be unset."""
    with suppress(OSError, StopIteration, ValueError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
        return bool(int(line.split()[1], 16) >> 21 & 1)
    return False


def _is_bytecode(path: str) -> bool:
    return path.endswith((".pyc", ".pyo"))
