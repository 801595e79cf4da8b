"""One layer's part of the wanted paths: its entries, and the entries of lower layers that it hides.

A layer is a tar of differences (OCI image spec, ``layer.md``): an entry adds or replaces, ``.wh.NAME`` removes NAME of
the lower layers, ``.wh..wh..opq`` removes everything that they have in its folder. Both affect lower layers only,
at any position in the tar.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from migops.core.errors import Unavailable
from migops.core.model import Entry, EntryKind
from migops.images.tar import CHUNK, Member, TarReader

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
MAX_ENTRIES = 200_000  # wanted entries of an image; a project with its dependencies has some tens of thousands
MAX_FILE = 8 * 1024 * 1024  # bytes of one file with kept content
MAX_KEPT = 64 * 1024 * 1024  # bytes of all of them


class Wanted:
    """The paths of interest, without symlinks: everything at and below them, and their parents."""

    def __init__(self, paths: Iterable[str], keep: Callable[[str], bool] | None = None) -> None:
        self.paths = frozenset(paths)
        self.keep: Callable[[str], bool] = keep or (lambda path: False)
        self._parents = frozenset(parent for path in self.paths for parent in parents(path))
        self._below = tuple("/" if path == "/" else path + "/" for path in self.paths)

    def has(self, path: str) -> bool:
        """True if ``path`` is at or below a wanted path."""
        return path in self.paths or path.startswith(self._below)

    def next_names(self, folder: str) -> set[str]:
        """The names in ``folder`` (above wanted paths) that lead to them."""
        below = "/" if folder == "/" else folder + "/"
        return {path[len(below) :].partition("/")[0] for path in self.paths if path.startswith(below)}

    def touches(self, path: str) -> bool:
        """True if ``path`` is at, below or above a wanted path, so that its changes matter."""
        return path in self._parents or self.has(path)


@dataclass(slots=True)
class Budget:
    """The remaining memory of one reading, shared by all its parts."""

    entries: int = MAX_ENTRIES
    kept: int = MAX_KEPT

    def entry(self) -> None:
        """Count one entry. Raises ``Unavailable`` over ``MAX_ENTRIES``."""
        self.entries -= 1
        if self.entries < 0:
            raise Unavailable(f"the image has more than {MAX_ENTRIES} files at the paths to read")

    def keep(self, path: str, size: int) -> None:
        """Count kept bytes. Raises ``Unavailable`` over the limits."""
        self.kept -= size
        if size > MAX_FILE or self.kept < 0:
            raise Unavailable(
                f"{path!r} in the image is too large to be read as source ({size} bytes; {MAX_FILE} are accepted for "
                f"one file, {MAX_KEPT} for all)"
            )


@dataclass(slots=True)
class Delta:
    """One layer's changes to the wanted paths."""

    entries: dict[str, Entry] = field(default_factory=dict)
    hardlinks: dict[str, str] = field(default_factory=dict)  # path → path in the same layer that is not wanted (yet)
    whiteouts: set[str] = field(default_factory=set)  # paths removed from lower layers
    opaque: set[str] = field(default_factory=set)  # folders whose lower content is hidden
    unknown: str = ""  # the reason why the layer could not be read


def scan_layer(tar: TarReader, wanted: Wanted, budget: Budget) -> Delta:
    """Read one layer to its end."""
    delta = Delta()
    locate = _Locator(tar)
    for member in tar:
        path = locate(member.name)
        if "/.wh." in path:
            folder, _, name = path.rpartition("/")
            if name.startswith(WHITEOUT):
                _hide(delta, folder or "/", name, wanted, budget)
                continue
        if member.kind is EntryKind.SYMLINK:
            locate.link(path, member.linkname)
        if wanted.touches(path):
            budget.entry()
            _add(delta, path, member, tar, wanted, budget, locate)
    return delta


def read_entry(path: str, member: Member, tar: TarReader, keep: bool, budget: Budget) -> Entry:
    """The entry for a member. A regular file's bytes are digested as they stream, and kept if ``keep`` is True."""
    has, digest, content = tar.attributes(), "", None
    if member.kind is EntryKind.FILE:
        digest, content = _drain(path, member, tar, keep, budget)
    return Entry(
        path=path,
        kind=member.kind,
        size=member.size if member.kind is EntryKind.FILE else 0,
        mode=has.mode,
        mtime=has.mtime,
        uid=has.uid,
        gid=has.gid,
        target=member.linkname if member.kind is EntryKind.SYMLINK else "",
        sha256=digest,
        content=content,
    )


def parents(path: str) -> Iterator[str]:
    """The folders above ``path``, nearest first, up to ``/``; none for ``/`` itself."""
    while path != "/":
        path = posixpath.dirname(path)
        yield path


def member_path(name: str, tar: TarReader) -> str:
    """A member's name as an absolute path. Raises ``Unavailable`` if it leads out of the root, as Docker refuses it."""
    path = "/" + name.strip("/")
    if "/." in path or "//" in path:
        clean = posixpath.normpath(name if name.startswith("/") else "./" + name)
        if clean == ".." or clean.startswith("../"):
            raise tar.refuse(f"has the member {name!r}, which leads out of the image")
        return "/" + clean.strip("/") if clean != "." else "/"
    return path


class _Locator:
    """Destinations of members: a symlink of the same layer in the parent folders is followed, as unpacking would do.

    A symlink of a *lower* layer is not: unpacking creates a folder that replaces it, see ``merge``.
    """

    _MAX_LINKS = 200_000

    def __init__(self, tar: TarReader) -> None:
        self._tar = tar
        self._links: dict[str, str] = {}
        self._last = ("", "")

    def __call__(self, name: str) -> str:
        path = member_path(name, self._tar)
        if not self._links:
            return path
        folder, _, base = path.rpartition("/")
        if not folder:
            return path
        if folder != self._last[0]:
            self._last = (folder, self._follow(folder))
        return posixpath.join(self._last[1], base)

    def link(self, path: str, target: str) -> None:
        if len(self._links) >= self._MAX_LINKS:
            raise self._tar.refuse(f"has more than {self._MAX_LINKS} symlinks")
        self._links[path] = target
        self._last = ("", "")

    def _follow(self, folder: str) -> str:
        for _ in range(40):
            for above in (folder, *parents(folder)):
                if above in self._links:
                    target = posixpath.join(posixpath.dirname(above), self._links[above])
                    folder = "/" + posixpath.normpath(target + folder[len(above) :]).lstrip("/")
                    break
            else:
                return folder
        raise self._tar.refuse(f"has a symlink loop above {folder!r}")


def _hide(delta: Delta, folder: str, name: str, wanted: Wanted, budget: Budget) -> None:
    if name == OPAQUE:
        if wanted.touches(folder):
            budget.entry()
            delta.opaque.add(folder)
    elif not name.startswith(WHITEOUT * 2):  # the other .wh..wh.* are AUFS' own metadata
        path = posixpath.join(folder, name[len(WHITEOUT) :])
        if wanted.touches(path):
            budget.entry()
            delta.whiteouts.add(path)


def _add(
    delta: Delta, path: str, member: Member, tar: TarReader, wanted: Wanted, budget: Budget, locate: _Locator
) -> None:
    before = delta.entries.get(path)
    if before and EntryKind.DIRECTORY in (before.kind, member.kind) and before.kind is not member.kind:
        raise tar.refuse(f"has {path!r} both as a folder and as something else")
    keep = wanted.has(path) and wanted.keep(path)
    delta.hardlinks.pop(path, None)
    if not member.is_hardlink:
        delta.entries[path] = read_entry(path, member, tar, keep, budget)
        return
    target = locate(member.linkname)
    other = delta.entries.get(target)
    if other and target not in delta.hardlinks and (other.content is not None or not keep):
        delta.entries[path] = replace(other, path=path)
    elif target == path or (wanted.has(target) and (wanted.keep(target) or not keep)):
        raise tar.refuse(f"has a hard link, {member.name!r}, to a file that it does not have")
    else:
        delta.hardlinks[path] = target
        delta.entries[path] = Entry(path=path, kind=EntryKind.FILE)


def _drain(path: str, member: Member, tar: TarReader, keep: bool, budget: Budget) -> tuple[str, bytes | None]:
    if keep:
        budget.keep(path, member.size)
    digest = hashlib.sha256()
    parts = []
    while part := tar.read(CHUNK):
        digest.update(part)
        if keep:
            parts.append(part)
    return digest.hexdigest(), b"".join(parts) if keep else None
