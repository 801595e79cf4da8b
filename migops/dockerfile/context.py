"""A build context on the host, seen through its ignore file, one path at a time."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import EntryKind, Location
from migops.dockerfile.paths import join
from migops.dockerfile.patterns import Matcher, Verdict
from migops.dockerfile.tree import Node, Source


@dataclass(slots=True)
class ContextTree:
    """A folder of the host as a build context. Links are not followed here: ``resolve`` does it inside its root."""

    root: Path
    ignore: Matcher = field(default_factory=Matcher)
    _nodes: dict[tuple[str, bool], Node | None] = field(default_factory=dict, repr=False)
    _kinds: dict[str, os.stat_result | None] = field(default_factory=dict, repr=False)
    _verdicts: dict[str, Verdict] = field(default_factory=dict, repr=False)

    def lookup(self, path: str, raw: bool = False) -> Node | None:
        if (path, raw) not in self._nodes:
            self._nodes[path, raw] = self._node(path, raw)
        return self._nodes[path, raw]

    def _node(self, path: str, raw: bool) -> Node | None:
        status = self._status(path)
        if status is None:
            return None
        kind = _kind(status.st_mode)
        verdict = self._verdict(path)
        by = verdict.matched_by or (verdict.content_matched_by if kind is EntryKind.FILE else None)
        ignored = by.at if by else None
        # An excluded folder is included if something below it is re-included.
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
        """``lstat`` of a path whose parents are all real folders, so that no link leads out of the root."""
        if path not in self._kinds:
            parent = self._status(posixpath.dirname(path)) if path != "/" else None
            if path != "/" and (parent is None or not stat.S_ISDIR(parent.st_mode)):
                self._kinds[path] = None
                return None
            try:
                # The root is named by the user and may be a link; below it no link is followed.
                self._kinds[path] = self.root.stat() if path == "/" else os.lstat(self._host(path))
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
