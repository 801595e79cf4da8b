"""From layers to the file system of a container, for the wanted paths only.

Only wanted paths and their parents are kept. If a symlink leads to a path that was not wanted yet, the layers are
scanned again with that path added, so that memory stays bounded and the usual case needs one pass.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migops.core.errors import Unavailable
from migops.core.model import Entry, EntryKind
from migops.images.image import KeepContent
from migops.images.layer import Delta, Wanted, parents

Scan = Callable[[Wanted], Sequence[Delta]]
"""One pass over the layers: their deltas, the lowest layer first."""

_ENGINE_MADE = (
    *("/.dockerenv", "/dev/console", "/dev/pts", "/dev/shm", "/dev"),  # noqa: S108 - names to compare with
    *("/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf", "/etc", "/proc", "/sys"),
)
MAX_LINKS = 40  # symlinks in one path, as in Linux


@dataclass(frozen=True, slots=True)
class Merged:
    """The wanted part of the merged file system; ``origin`` is the index of each entry's layer."""

    tree: dict[str, Entry] = field(default_factory=dict)
    origin: dict[str, int] = field(default_factory=dict)

    def add(self, index: int, delta: Delta) -> None:
        """Add one more layer on top."""
        above = {parent for path in delta.entries for parent in parents(path)} | delta.opaque
        above -= delta.entries.keys()
        gone = delta.whiteouts | {path for path in above if path in self.tree and not self._is_folder(path)}
        gone |= {path for path, entry in delta.entries.items() if self._changes_kind(path, entry)}
        if gone or delta.opaque:
            self._hide(gone, delta.opaque)
        for path in above - self.tree.keys():  # tars may omit the folders of their files
            self._set(index, Entry(path=path, kind=EntryKind.DIRECTORY, mode=0o755))
        for entry in delta.entries.values():
            self._set(index, entry)

    def _changes_kind(self, path: str, entry: Entry) -> bool:
        """True if a folder replaces another kind of entry or the reverse: then nothing below it remains."""
        return path in self.tree and (entry.kind is EntryKind.DIRECTORY) != self._is_folder(path)

    def _is_folder(self, path: str) -> bool:
        entry = self.tree.get(path)
        return entry is not None and entry.kind is EntryKind.DIRECTORY

    def _hide(self, gone: set[str], opaque: set[str]) -> None:
        hidden = [
            path
            for path in self.tree
            if path in gone or any(parent in gone or parent in opaque for parent in parents(path))
        ]
        for path in hidden:
            del self.tree[path], self.origin[path]

    def _set(self, index: int, entry: Entry) -> None:
        self.tree[entry.path] = entry
        self.origin[entry.path] = index


class _More(Exception):
    """A path that must be wanted too before the question can be answered."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def merge(deltas: Iterable[Delta]) -> Merged:
    """Merge the layers' deltas, lowest first."""
    merged = Merged()
    for index, delta in enumerate(deltas):
        merged.add(index, delta)
    return merged


@dataclass(frozen=True, slots=True)
class Answer:
    """``entries`` by requested path; ``real`` and ``origin`` are each one's own path and its layer's index."""

    entries: dict[str, Entry]
    real: dict[str, str]
    origin: dict[str, int]


def read_merged(scan: Scan, paths: Iterable[str], content: KeepContent | None = None, *, follow: bool = True) -> Answer:
    """Answer ``Image.read`` from layers. ``scan`` is called once, and once more for each further link target.

    Without ``follow``, a path that is itself a symlink is answered with the link.
    """
    asked = sorted({clean(path) for path in paths})
    query = _Query(asked, content or (lambda path: False), follow=follow)
    for _ in range(MAX_LINKS):
        deltas = scan(query.next())
        answer = query.answer(merge(deltas))
        for delta in deltas:
            for path, target in delta.hardlinks.items():
                query.want(target, keep=query.keep(path))
        if not query.grown:
            return answer
    raise Unavailable(f"reading {', '.join(asked)} in the image leads through too many links")


def clean(path: str) -> str:
    """An absolute path without ``.``, ``..`` and a trailing slash."""
    return "/" + posixpath.normpath("/" + path).strip("/")


def without_engine_made(entries: dict[str, Entry]) -> dict[str, Entry]:
    """The entries without the empty files and folders that an engine adds to every container.

    An image may have them too; they are always omitted, so that all sources give the same answer.
    """
    for path in _ENGINE_MADE:
        entry = entries.get(path)
        if entry is None or entry.size or any(other.startswith(path + "/") for other in entries):
            continue
        if entry.kind is not EntryKind.SYMLINK or path == "/etc/mtab":
            del entries[path]
    return entries


class _Query:
    """The requested paths, and the paths that the layers must be scanned for to answer them."""

    def __init__(self, asked: Sequence[str], content: KeepContent, *, follow: bool) -> None:
        self._asked = asked
        self._follow = follow
        self._content = content
        self._real = {path: path for path in asked}  # requested path → its real path, as far as known
        self._paths = set(asked)
        self._kept: set[str] = set()
        self._scanned = Wanted(())
        self.grown = False

    def next(self) -> Wanted:
        """The paths for the next scan of the layers."""
        self.grown = False
        self._scanned = Wanted(self._paths, self.keep)
        return self._scanned

    def want(self, path: str, *, keep: bool) -> None:
        self.grown = self.grown or path not in self._paths or (keep and path not in self._kept)
        self._paths.add(path)
        if keep:
            self._kept.add(path)

    def keep(self, real: str) -> bool:
        """True if the content of the file at ``real`` was requested under any of its names."""
        if real in self._kept:
            return True
        for asked, root in self._real.items():
            if (real == root or real.startswith(root.rstrip("/") + "/")) and self._content(_rename(real, root, asked)):
                return True
        return False

    def answer(self, merged: Merged) -> Answer:
        """The answer from the merged layers. Sets ``grown`` if the scan did not cover all needed paths."""
        answer = Answer({}, {}, {})
        for asked in self._asked:
            try:
                real = self._locate(merged.tree, asked)
            except _More as more:
                self.want(more.path, keep=False)
                self._real[asked] = more.path
                continue
            if real is not None:
                self.grown = self.grown or real != self._real[asked]  # then ``keep`` depends on other names
                self._real[asked] = real
                self._collect(merged, asked, real, answer)
        return answer

    def _collect(self, merged: Merged, asked: str, real: str, answer: Answer) -> None:
        below = real.rstrip("/") + "/"
        for path, entry in merged.tree.items():
            if path != real and not path.startswith(below):
                continue
            name = _rename(path, real, asked)
            if entry.kind is EntryKind.SYMLINK and self._content(name):
                entry = self._through(merged.tree, path, entry)
            answer.entries[name] = replace(entry, path=name)
            answer.real[name] = path
            answer.origin[name] = merged.origin[path]

    def _through(self, tree: Mapping[str, Entry], path: str, link: Entry) -> Entry:
        """The link, with the content of the regular file that it leads to."""
        try:
            target = self._resolve(tree, path)
        except _More as more:
            self.want(more.path, keep=True)
            return link
        file = tree.get(target or "")
        if file is None or file.kind is not EntryKind.FILE:
            return link
        if file.content is None:
            self.want(file.path, keep=True)
        return replace(link, sha256=file.sha256, content=file.content)

    def _locate(self, tree: Mapping[str, Entry], path: str) -> str | None:
        """The real path of ``path``. A dangling link is its own real path."""
        if path == "/":
            return path
        folder = self._resolve(tree, posixpath.dirname(path))
        if folder is None:
            return None
        own = posixpath.join(folder, posixpath.basename(path))
        real = self._resolve(tree, own) if self._follow else None
        return own if real is None and own in tree else real

    def _resolve(self, tree: Mapping[str, Entry], path: str) -> str | None:
        """``path`` with all its symlinks followed inside the root; None if nothing is there."""
        real, rest, links = "/", path.split("/")[::-1], 0
        while rest:
            name = rest.pop()
            if name in ("", "."):
                continue
            if name == "..":
                real = posixpath.dirname(real)
                continue
            real = posixpath.join(real, name)
            if not self._scanned.touches(real):
                raise _More(clean(posixpath.join(real, *rest[::-1])))
            entry = tree.get(real)
            if entry is None:
                return None
            if entry.kind is EntryKind.SYMLINK:
                links += 1
                if links > MAX_LINKS:
                    raise Unavailable(f"{path!r} in the image is a symlink loop")
                real = "/" if entry.target.startswith("/") else posixpath.dirname(real)
                rest.extend(entry.target.split("/")[::-1])
        return real


def _rename(path: str, root: str, asked: str) -> str:
    """``path`` (at or below ``root``) with ``root`` replaced by ``asked``."""
    return asked if path == root else posixpath.join(asked, path[len(root) :].lstrip("/"))
