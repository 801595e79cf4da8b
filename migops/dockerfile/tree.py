"""Virtual file trees: a build context, and a stage as the instructions that would fill it.

A tree answers ``lookup`` and ``names`` for one path at a time, so that a question about one folder of an image reads
one folder of the host, whatever else the context contains. Paths are absolute and clean; a tree's root is "/".
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

_MOST_LINKS = 255  # as in BuildKit's own resolver


class Origin(str, Enum):
    """The kind of source of the files at an image path."""

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
    """An instruction that affects an image path."""

    origin: Origin
    at: Location
    text: str
    unknown: str = ""  # the reason why its effect is unknown, "" if it is known


@dataclass(frozen=True, slots=True)
class Node:
    """A tree's entry at a path."""

    kind: EntryKind
    host: Path | None = None  # its file in the context
    content: bytes | None = None  # of a here-document
    target: str = ""  # of a symlink
    ignored: Location | None = None  # the line of the ignore file that excludes it from the build
    steps: tuple[Source, ...] = ()  # the instructions that copied it, in order


class Tree(Protocol):
    """A file tree. With ``raw``, methods answer as if there were no ignore file."""

    def lookup(self, path: str, raw: bool = False) -> Node | None: ...

    def names(self, path: str, raw: bool = False) -> set[str]: ...

    def sources(self, path: str) -> Iterable[Source]:
        """The instructions that affect ``path`` or a path above or below it, in build order."""
        ...

    def images_of(self, host: Path) -> Iterable[str]:
        """The paths of this tree that a path of the context is copied to, ignored or not."""
        ...


def resolve(tree: Tree, path: str, *, raw: bool = False) -> str:
    """``path`` with every link of the tree followed inside its root; missing parts stay unchanged."""
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
    """Every file, link and device at or below ``path``, sorted; folders themselves are omitted."""
    node = tree.lookup(path, raw)
    if node is None:
        return
    if node.kind is not EntryKind.DIRECTORY:
        yield path, node
        return
    for name in sorted(tree.names(path, raw)):
        yield from walk(tree, join(path, name), raw=raw)
