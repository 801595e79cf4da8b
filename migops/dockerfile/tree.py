"""File trees that are never laid out: a build context, and a stage as the instructions that would fill it.

A tree answers ``lookup`` and ``names`` for one path at a time, so that asking for one folder of an image reads one
folder of the host, whatever else the context holds. Paths are absolute and clean in their tree; its root is "/".
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from migops.core.errors import MigopsError
from migops.core.model import EntryKind, Location
from migops.dockerfile.paths import join

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

    def sources(self, path: str) -> Iterable[Source]:
        """What puts files at, above or below ``path``, in the order of the build."""
        ...

    def images_of(self, host: Path) -> Iterable[str]:
        """Where a path of the context lands in this tree, ignore file or not."""
        ...


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
