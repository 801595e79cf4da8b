"""Files of one container: its image, its writable layer, and its mounts on top. The container is not touched."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from migops.core.errors import Unavailable
from migops.core.image_source import DAEMON
from migops.core.model import EntryKind, Tree
from migops.docker import Engine
from migops.docker.containers import export, view
from migops.images import Image, open_image
from migops.images.daemon import read_container
from migops.images.layer import Budget, Delta, Wanted, scan_layer
from migops.images.merge import read_merged
from migops.images.tar import TarReader
from migops.sources.environment import TEXTS
from migops.sources.home import Reader
from migops.sources.mounts import Mount, at_or_below, covered, mounts_of, near, without_memory
from migops.sources.writable import WritableLayer, apply


@dataclass(slots=True)
class ImageFiles:
    """The images of an engine by ID, each read once. ``opened`` closes them."""

    engine: Engine
    opened: ExitStack
    readers: dict[str, Reader] = field(default_factory=dict)
    packages: dict[str, Reader] = field(default_factory=dict)

    def links(self, image_id: str) -> Reader | None:
        """The reader of ``.pth`` files in the image's folders of installed packages; None if the image is not open."""
        return self.packages.get(image_id)

    def named(self, ref: str) -> tuple[Image, Reader]:
        """An image by name or ID, and its reader. Raises ``Unavailable`` if the engine does not have it (any more)."""
        image = self.opened.enter_context(open_image(f"{DAEMON}:{ref}", engine=lambda: self.engine))
        self.packages.setdefault(image.id, links_of(image))
        return image, self.readers.setdefault(image.id, reader_of(image))

    def of(self, image_id: str) -> Reader | None:
        """The reader of the image with that ID; None if the engine no longer has it.

        The containerd image store removes an image as soon as its name moves to another, even if containers use it.
        """
        if image_id not in self.readers:
            try:
                self.named(image_id)
            except Unavailable:
                return None
        return self.readers[image_id]

    def any(self) -> tuple[str, tuple[str, ...]]:
        """Any image of the engine, and the paths that it declares as volumes."""
        image_id = next(iter(self.readers))
        return image_id, tuple((self.engine.image(image_id).get("Config") or {}).get("Volumes") or ())


def reader_of(image: Image) -> Reader:
    """A reader of an image that requests the same paths once."""
    seen: dict[tuple[str, ...], Tree] = {}

    def read(paths: Sequence[str]) -> Tree:
        if tuple(paths) not in seen:
            seen[tuple(paths)] = image.read(paths, content=lambda path: path in paths or path.endswith(TEXTS))
        return seen[tuple(paths)]

    return read


def links_of(image: Image) -> Reader:
    """A reader of the files in an image's folder of installed packages that refer to packages elsewhere."""

    def read(paths: Sequence[str]) -> Tree:
        entries = image.read(paths, content=lambda path: path.endswith((".pth", "_finder.py")))
        return {path: entry for path, entry in entries.items() if entry.kind is EntryKind.FILE}

    return read


@dataclass(slots=True)
class ContainerFiles:
    """A ``Reader`` of one container: its image, its writable layer, and its mounts on top."""

    inspected: Mapping[str, Any]
    layer: WritableLayer
    images: ImageFiles
    asked: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    moved: dict[str, str] = field(default_factory=dict)  # links of the image that lead below a mount → their targets

    def __call__(self, paths: Sequence[str]) -> Tree:
        self.asked.update(paths)
        linked = {path: real for path in paths if (real := self._moved(path))}
        own = [path for path in paths if path not in linked]
        tree = dict(without_memory(self._below_memory(own), own, self._mounts)) if own else {}
        for path, entry in list(tree.items()):
            if entry.kind is EntryKind.SYMLINK and (real := self._under_a_mount(path, entry.target)):
                self.moved[path] = linked[path] = real
                del tree[path]
        for path, real in linked.items():
            tree.update({path + each[len(real) :]: entry for each, entry in self([real]).items()})
        return tree

    def _moved(self, path: str) -> str:
        """The target of a path at or below one of ``moved``; '' for any other."""
        link = next((each for each in self.moved if at_or_below(path, each)), "")
        return self.moved[link] + path[len(link) :] if link else ""

    def _under_a_mount(self, path: str, target: str) -> str:
        """The target of a link if it is below a mount that does not cover the link itself; else ''."""
        real = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        mounts = [mount.target for mount in self._mounts]
        return real if covered(real, mounts) and not covered(path, mounts) else ""

    def _below_memory(self, paths: Sequence[str]) -> Tree:
        """The entries at ``paths`` without regard to tmpfs mounts."""
        over = [mount for mount in self._mounts if any(near(mount.target, path) for path in paths)]
        over = [mount for mount in over if mount.type != "tmpfs"]
        image = self.images.of(str(self.inspected["Image"]))
        if image is None or self.layer.is_large(paths):
            return self._whole(paths, over)
        below = self._through_mounts(paths, over, str(self.inspected["Image"])) if over else image(paths)
        tree, written = apply(self.layer, paths, below, [mount.target for mount in self._mounts])
        self.written.update(written)
        return tree

    @property
    def _mounts(self) -> tuple[Mount, ...]:
        return mounts_of(self.inspected)

    def _through_mounts(
        self, paths: Sequence[str], over: Sequence[Mount], image_id: str, declared: Sequence[str] = ()
    ) -> Tree:
        """The entries at ``paths`` with mounts over that image. Its volumes ``declared`` must not be created."""
        engine = self.images.engine
        binds = {mount.target: mount.source for mount in over if mount.type == "bind"}
        volumes = {*declared, *(self.inspected["Config"].get("Volumes") or ())} - {mount.target for mount in over}
        hidden = {mount.target for mount in self._mounts if mount not in over} | volumes
        with view(engine, str(self.inspected["Id"]), image_id, binds, sorted(hidden)) as (probe, gone):
            for path in paths:
                lost = next((mount for mount in over if mount.target in gone and at_or_below(path, mount.target)), None)
                if lost:
                    raise Unavailable(
                        f"{lost.source} is mounted at {lost.target}, but it no longer exists on the engine's host",
                        hint="restore the folder, or recreate the container",
                    )
            return read_container(engine, probe, paths, lambda path: True)

    def _whole(self, paths: Sequence[str], over: Sequence[Mount]) -> Tree:
        """The entries if the image is gone or mostly overwritten: one pass over the whole file system."""

        def scan(wanted: Wanted) -> list[Delta]:
            with export(self.images.engine, str(self.inspected["Id"])) as stream:
                return [scan_layer(TarReader(stream, "the container's file system"), wanted, Budget())]

        tree = read_merged(scan, paths, lambda path: True).entries
        targets = [mount.target for mount in self._mounts]
        tree = {path: entry for path, entry in tree.items() if not covered(path, targets)}
        if over:
            pairs = [(mount.target, path) for mount in over for path in paths if near(mount.target, path)]
            asked = sorted({path if at_or_below(path, target) else target for target, path in pairs})
            shown = self._through_mounts(asked, over, *self.images.any())
            tree.update(shown)
        changes = [change for change in self.layer.changes(paths) if not covered(change.path, targets)]
        folders = {posixpath.dirname(change.path) for change in changes}
        self.written.update(change.path for change in changes if change.deleted or change.path not in folders)
        return tree
