"""File-system access to a tree of entries: content of folders, resolution of links."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from migops.core.model import Entry, EntryKind, Tree

_MAX_LINKS = 40  # as in Linux


@dataclass(slots=True)
class Folders:
    """A tree of entries with lookup through symbolic links."""

    tree: Tree
    children: dict[str, set[str]] = field(init=False, default_factory=dict)
    has_links: bool = field(init=False)

    def __post_init__(self) -> None:
        self.has_links = any(entry.kind is EntryKind.SYMLINK for entry in self.tree.values())
        for path in self.tree:
            parent, name = posixpath.split(path)
            # A tree may omit its folders, as git's does.
            while name and name not in self.children.setdefault(parent, set()):
                self.children[parent].add(name)
                parent, name = posixpath.split(parent)

    def resolve(self, path: str) -> str | None:
        """The path without symbolic links (the last part need not exist); None for circular links."""
        if not self.has_links:
            return posixpath.normpath("/" + path.lstrip("/"))
        done, todo, links = "/", [part for part in reversed(path.split("/")) if part], 0
        while todo:
            part = todo.pop()
            if part in (".", ".."):
                done = posixpath.dirname(done) if part == ".." else done
                continue
            entry = self.tree.get(posixpath.join(done, part))
            if entry is None or entry.kind is not EntryKind.SYMLINK:
                done = posixpath.join(done, part)
                continue
            links += 1
            if links > _MAX_LINKS:
                return None
            done = "/" if entry.target.startswith("/") else done
            todo += [each for each in reversed(entry.target.split("/")) if each]
        return done

    def entry(self, path: str) -> Entry | None:
        """The entry at the path, links followed; None if there is none."""
        real = self.resolve(path)
        return self.tree.get(real) if real else None

    def exists(self, path: str) -> bool:
        """True if there is an entry at the path, links followed."""
        real = self.resolve(path)
        return real is not None and (real in self.tree or real in self.children)

    def list(self, path: str) -> tuple[list[str], list[str]]:
        """The names in a folder, sorted: files and links, and folders."""
        real = self.resolve(path) or path
        files: list[str] = []
        folders: list[str] = []
        for name in sorted(self.children.get(real, ())):
            child = posixpath.join(real, name)
            entry = self.tree.get(child)
            is_folder = child in self.children or (entry is not None and entry.kind is EntryKind.DIRECTORY)
            (folders if is_folder else files).append(name)
        return files, folders
