"""File trees that are never laid out: a build context, and a stage as the instructions that would fill it.

A tree answers ``lookup`` and ``names`` for one path at a time, so that asking for one folder of an image reads one
folder of the host, whatever else the context holds. Paths are absolute and clean in their tree; its root is "/".
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Protocol

from migops.dockerfile.ignore import Matcher, Verdict
from migops.errors import MigopsError
from migops.model import EntryKind, Location

_MOST_LINKS = 255  # as BuildKit's own resolver


class Origin(str, Enum):
    """What kind of thing puts files at an image path."""

    CONTEXT = "context"
    HEREDOC = "heredoc"
    STAGE = "stage"
    IMAGE = "image"
    ARCHIVE = "archive"
    URL = "url"
    GIT = "git"
    PACKAGE = "package"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Source:
    """An instruction that has a say in an image path. ``unknown`` is why its effect cannot be told, "" where it can."""

    origin: Origin
    at: Location
    text: str
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """What a tree has at a path.

    ``host`` is the file of the context that it comes from, ``content`` the bytes of a here-document. ``ignored`` is the
    line of the ignore file that keeps it out of the build. ``steps`` are the instructions that it passed, in order.
    """

    kind: EntryKind
    host: Path | None = None
    content: bytes | None = None
    target: str = ""
    ignored: Location | None = None
    steps: tuple[Source, ...] = ()


class Tree(Protocol):
    """Both methods take ``raw``: with it they tell what the tree would have if there were no ignore file."""

    def lookup(self, path: str, raw: bool = False) -> Node | None: ...

    def names(self, path: str, raw: bool = False) -> set[str]: ...

    def sources(self, path: str) -> Iterator[Source]:
        """What puts files at, above or below ``path``, in the order of the build."""
        ...

    def images_of(self, host: Path) -> Iterator[str]:
        """Where a path of the context lands in this tree, ignore file or not."""
        ...


def join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if name else folder


def below(path: str, folder: str) -> str | None:
    """``path`` relative to ``folder`` ("" for the folder itself), or None where it is not in it."""
    if path == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def related(one: str, other: str) -> bool:
    """Whether one of two paths is, or holds, the other."""
    return below(one, other) is not None or below(other, one) is not None


def resolve(tree: Tree, path: str, *, raw: bool = False) -> str:
    """``path`` with every link of the tree followed, never leaving its root; what does not exist stays as it is."""
    todo = path.split("/")[::-1]
    done = "/"
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = posixpath.dirname(done)
            continue
        node = tree.lookup(join(done, part), raw)
        if node and node.kind is EntryKind.SYMLINK:
            links += 1
            if links > _MOST_LINKS:
                raise MigopsError(f"symbolic links go in a circle at {path}", at=Location(str(node.host or path)))
            done = "/" if node.target.startswith("/") else done
            todo += node.target.split("/")[::-1]
        else:
            done = join(done, part)
    return done


def walk(tree: Tree, path: str, *, raw: bool = False) -> Iterator[tuple[str, Node]]:
    """Every file, link and device at or below ``path``, sorted; folders are gone through and not named."""
    node = tree.lookup(path, raw)
    if node is None:
        return
    if node.kind is not EntryKind.DIRECTORY:
        yield path, node
        return
    for name in sorted(tree.names(path, raw)):
        yield from walk(tree, join(path, name), raw=raw)


@dataclass(slots=True)
class ContextTree:
    """A folder of the host as a build context. Links are not followed here: ``resolve`` does that, inside its root."""

    root: Path
    ignore: Matcher = field(default_factory=Matcher)
    _kinds: dict[str, os.stat_result | None] = field(default_factory=dict, repr=False)
    _verdicts: dict[str, Verdict] = field(default_factory=dict, repr=False)

    def lookup(self, path: str, raw: bool = False) -> Node | None:
        status = self._status(path)
        if status is None:
            return None
        kind = _kind(status.st_mode)
        verdict = self._verdict(path)
        by = verdict.by if verdict.matched else None
        if by is None and kind is EntryKind.FILE:
            by = self.ignore.withholds(path[1:])
        ignored = by.at if by else None
        # A folder that is excluded comes along when something below it is brought back.
        if ignored and not raw and not (kind is EntryKind.DIRECTORY and self._holds_included(path)):
            return None
        host = self._host(path)
        target = str(host.readlink()) if kind is EntryKind.SYMLINK else ""
        return Node(kind, host, target=target, ignored=ignored)

    def names(self, path: str, raw: bool = False) -> set[str]:
        status = self._status(path)
        if status is None or not stat.S_ISDIR(status.st_mode):
            return set()
        try:
            names = {entry.name for entry in self._host(path).iterdir()}
        except OSError as error:
            raise _unreadable(self._host(path), error) from error
        return names if raw else {name for name in names if self.lookup(join(path, name))}

    def sources(self, path: str) -> Iterator[Source]:
        return iter(())

    def images_of(self, host: Path) -> Iterator[str]:
        if host.is_relative_to(self.root):
            yield posixpath.join("/", host.relative_to(self.root).as_posix()).removesuffix("/.") or "/"

    def _host(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _status(self, path: str) -> os.stat_result | None:
        """``lstat`` of a path that is reached through real folders only, so that no link leads out of the root."""
        if path not in self._kinds:
            parent = self._status(posixpath.dirname(path)) if path != "/" else None
            if path != "/" and (parent is None or not stat.S_ISDIR(parent.st_mode)):
                self._kinds[path] = None
                return None
            try:
                self._kinds[path] = os.lstat(self._host(path))
            except (FileNotFoundError, NotADirectoryError):
                self._kinds[path] = None
            except (OSError, ValueError) as error:
                raise _unreadable(self._host(path), error) from error
        return self._kinds[path]

    def _verdict(self, path: str) -> Verdict:
        if path == "/":
            return self.ignore.start
        if path not in self._verdicts:
            self._verdicts[path] = self.ignore.step(path[1:], self._verdict(posixpath.dirname(path)))
        return self._verdicts[path]

    def _holds_included(self, path: str) -> bool:
        return self.ignore.may_reinclude(path[1:]) and any(
            self.lookup(join(path, name)) for name in sorted(self.names(path, raw=True))
        )


def _kind(mode: int) -> EntryKind:
    if stat.S_ISREG(mode):
        return EntryKind.FILE
    if stat.S_ISDIR(mode):
        return EntryKind.DIRECTORY
    return EntryKind.SYMLINK if stat.S_ISLNK(mode) else EntryKind.OTHER


def _unreadable(host: Path, error: OSError | ValueError) -> MigopsError:
    reason = getattr(error, "strerror", None) or str(error)
    return MigopsError(f"cannot read the build context: {reason}", at=Location(str(host)))


@dataclass(frozen=True, slots=True)
class Graft:
    """``COPY``: the ``source`` of a tree, file or folder, laid over the image at ``dest``."""

    step: Source
    tree: Tree
    source: str
    dest: str
    exclude: Matcher = field(default_factory=Matcher)
    include: Matcher = field(default_factory=Matcher)

    def lookup(self, path: str, raw: bool = False) -> Node | None:
        inside = below(path, self.dest)
        if inside is None:
            return Node(EntryKind.DIRECTORY, steps=(self.step,)) if below(self.dest, path) is not None else None
        node = self.tree.lookup(join(self.source, inside), raw)
        if node is None or not self._passes(inside, path, node, raw):
            return None
        return replace(node, steps=(*node.steps, self.step))

    def names(self, path: str, raw: bool = False) -> set[str]:
        inside = below(path, self.dest)
        if inside is not None:
            return self.tree.names(join(self.source, inside), raw)
        outside = below(self.dest, path)
        return {outside.split("/")[0]} if outside else set()

    def _passes(self, inside: str, path: str, node: Node, raw: bool) -> bool:
        if not inside or not (self.exclude.patterns or self.include.patterns):
            return True
        kept = not self.exclude.judge(inside).matched and (
            not self.include.patterns or self.include.judge(inside).matched
        )
        if kept or node.kind is not EntryKind.DIRECTORY:
            return kept
        return any(self.lookup(join(path, name), raw) for name in self.names(path, raw))

    def sources(self, path: str) -> Iterator[Source]:
        inside = below(path, self.dest)
        if inside is None and below(self.dest, path) is None:
            return
        wanted = join(self.source, inside or "")
        earlier = list(self.tree.sources(wanted))
        yield from earlier
        if earlier or self.tree.lookup(wanted, raw=True):
            yield self.step
        elif self.step.origin is Origin.STAGE and self.tree.lookup(self.source) is None:
            yield replace(self.step, unknown=f"{self.source} of that stage comes from its base image or a RUN")

    def images_of(self, host: Path) -> Iterator[str]:
        for path in self.tree.images_of(host):
            inside = below(path, self.source)
            if inside is not None:
                yield join(self.dest, inside)


@dataclass(frozen=True, slots=True)
class Folder:
    """``WORKDIR``, ``RUN mkdir``: a folder is made."""

    dest: str


@dataclass(frozen=True, slots=True)
class Text:
    """``COPY <<EOF``: a file with the content that is written in the Dockerfile."""

    step: Source
    dest: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that may change ``paths``, all above and all below them, in a way that only the build can tell.

    ``removes``: it can only take away what is there. ``packages``: it installs Python packages, wherever they go.
    """

    step: Source
    paths: tuple[str, ...] = ()
    removes: bool = False
    packages: bool = False

    def touches(self, path: str) -> bool:
        if self.packages and ("/site-packages" in path or "/dist-packages" in path):
            return True
        return any(related(path, one) for one in self.paths)


@dataclass(slots=True)
class StageTree:
    """A stage: what it starts from, and its instructions in order. ``base`` None is an image not looked into."""

    base: Tree | None = None
    changes: list[Graft | Folder | Text | Doubt] = field(default_factory=list)

    def lookup(self, path: str, raw: bool = False) -> Node | None:
        folder = None
        for change in reversed(self.changes):
            node = _lookup(change, path, raw)
            if node and node.kind is not EntryKind.DIRECTORY:
                return folder or node
            folder = folder or node
        return folder or (self.base.lookup(path, raw) if self.base else None)

    def names(self, path: str, raw: bool = False) -> set[str]:
        names = set(self.base.names(path, raw)) if self.base else set()
        for change in self.changes:
            if isinstance(change, Graft):
                names |= change.names(path, raw)
            elif not isinstance(change, Doubt) and (rest := below(change.dest, path)):
                names.add(rest.split("/")[0])
        return names

    def sources(self, path: str) -> Iterator[Source]:
        found = False
        for source in self.base.sources(path) if self.base else ():
            found = True
            yield source
        for change in self.changes:
            for source in _sources(change, path):
                # Taking away where nothing was brought leaves nothing in doubt.
                if isinstance(change, Doubt) and change.removes and not found:
                    continue
                found = True
                yield source

    def images_of(self, host: Path) -> Iterator[str]:
        if self.base:
            yield from self.base.images_of(host)
        for change in self.changes:
            if isinstance(change, Graft):
                yield from change.images_of(host)


def _lookup(change: Graft | Folder | Text | Doubt, path: str, raw: bool) -> Node | None:
    if isinstance(change, Graft):
        return change.lookup(path, raw)
    if isinstance(change, Doubt) or below(change.dest, path) is None:
        return None
    if isinstance(change, Text) and change.dest == path:
        return Node(EntryKind.FILE, content=change.content, steps=(change.step,))
    return Node(EntryKind.DIRECTORY)


def _sources(change: Graft | Folder | Text | Doubt, path: str) -> Iterator[Source]:
    if isinstance(change, Graft):
        yield from change.sources(path)
    elif (isinstance(change, Doubt) and change.touches(path)) or (
        isinstance(change, Text) and below(change.dest, path) is not None
    ):
        yield change.step
