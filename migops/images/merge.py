"""From layers to the file system that a container would see, for the wanted paths only.

The state is small: only wanted paths and their parents are held. Where a symlink leads to a path that was not wanted
yet, the layers are scanned once more with that path wanted too, so memory stays bounded and the usual case is one pass.
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
    """The wanted part of the merged file system; ``origin`` is the index of the layer that each entry is of."""

    tree: dict[str, Entry] = field(default_factory=dict)
    origin: dict[str, int] = field(default_factory=dict)

    def add(self, index: int, delta: Delta) -> None:
        """Lay one more layer on top."""
        above = {parent for path in delta.entries for parent in parents(path)} | delta.opaque
        above -= delta.entries.keys()
        gone = delta.whiteouts | {path for path in above if path in self.tree and not self._is_folder(path)}
        gone |= {path for path, entry in delta.entries.items() if self._changes_kind(path, entry)}
        if gone or delta.opaque:
            self._hide(gone, delta.opaque)
        for path in above - self.tree.keys():  # tars may leave out the folders that their files imply
            self._set(index, Entry(path=path, kind=EntryKind.DIRECTORY, mode=0o755))
        for entry in delta.entries.values():
            self._set(index, entry)

    def _changes_kind(self, path: str, entry: Entry) -> bool:
        """A folder gives way to something else, or the reverse: then nothing below it stays."""
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
    """The layers' deltas, lowest first, laid over each other."""
    merged = Merged()
    for index, delta in enumerate(deltas):
        merged.add(index, delta)
    return merged


@dataclass(frozen=True, slots=True)
class Answer:
    """``entries`` by the path that was asked for; ``real`` and ``origin`` give each one's own path and its layer."""

    entries: dict[str, Entry]
    real: dict[str, str]
    origin: dict[str, int]


def read_merged(scan: Scan, paths: Iterable[str], content: KeepContent | None = None, *, follow: bool = True) -> Answer:
    """Answer ``Image.read`` from layers. ``scan`` is called once, and once more for each turn that links take.

    Without ``follow`` a path that is a symlink itself is answered with the link.
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
    """The entries but for the empty files and folders that an engine puts into every container that it creates.

    An image may have them too; so that all sources answer alike, they are left out of every answer.
    """
    for path in _ENGINE_MADE:
        entry = entries.get(path)
        if entry is None or entry.size or any(other.startswith(path + "/") for other in entries):
            continue
        if entry.kind is not EntryKind.SYMLINK or path == "/etc/mtab":
            del entries[path]
    return entries


class _Query:
    """The paths asked for, and what must be wanted of the layers to answer them."""

    def __init__(self, asked: Sequence[str], content: KeepContent, *, follow: bool) -> None:
        self._asked = asked
        self._follow = follow
        self._content = content
        self._real = {path: path for path in asked}  # asked path → where it really is, as far as is known
        self._paths = set(asked)
        self._kept: set[str] = set()
        self._scanned = Wanted(())
        self.grown = False

    def next(self) -> Wanted:
        """What the next pass over the layers shall want."""
        self.grown = False
        self._scanned = Wanted(self._paths, self.keep)
        return self._scanned

    def want(self, path: str, *, keep: bool) -> None:
        self.grown = self.grown or path not in self._paths or (keep and path not in self._kept)
        self._paths.add(path)
        if keep:
            self._kept.add(path)

    def keep(self, real: str) -> bool:
        """Whether the bytes of the file at ``real`` were asked for under any of its names."""
        if real in self._kept:
            return True
        for asked, root in self._real.items():
            if (real == root or real.startswith(root.rstrip("/") + "/")) and self._content(_rename(real, root, asked)):
                return True
        return False

    def answer(self, merged: Merged) -> Answer:
        """What the merged layers tell; ``grown`` says afterwards that they were not scanned for enough."""
        answer = Answer({}, {}, {})
        for asked in self._asked:
            try:
                real = self._locate(merged.tree, asked)
            except _More as more:
                self.want(more.path, keep=False)
                self._real[asked] = more.path
                continue
            if real is not None:
                self.grown = self.grown or real != self._real[asked]  # then other names tell what to keep
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
        """The link, with the bytes of the regular file that it leads to."""
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
        """Where ``path`` really is. A link that leads nowhere is found where it stands itself."""
        if path == "/":
            return path
        folder = self._resolve(tree, posixpath.dirname(path))
        if folder is None:
            return None
        own = posixpath.join(folder, posixpath.basename(path))
        real = self._resolve(tree, own) if self._follow else None
        return own if real is None and own in tree else real

    def _resolve(self, tree: Mapping[str, Entry], path: str) -> str | None:
        """``path`` with all its symlinks followed inside the root, or None where there is nothing."""
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
    """``path``, which is at or below ``root``, as it is called when ``root`` is called ``asked``."""
    return asked if path == root else posixpath.join(asked, path[len(root) :].lstrip("/"))
