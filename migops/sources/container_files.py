"""Files of one container: its image, its writable layer, and its mounts on top. The container is not touched."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from migops.core.errors import Unavailable
from migops.core.image_source import DAEMON
from migops.core.model import Entry, EntryKind, Tree
from migops.docker import Engine
from migops.docker.containers import export, view
from migops.images import Image, open_image
from migops.images.daemon import read_container
from migops.images.layer import Budget, Delta, Wanted, scan_layer
from migops.images.merge import read_merged
from migops.images.tar import TarReader
from migops.sources.environment import TEXTS
from migops.sources.home import Reader
from migops.sources.writable import WritableLayer, apply

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount of a container."""

    type: str  # bind, volume or tmpfs, as in Docker
    source: str  # the folder on the engine's host, or the volume's name
    target: str

    @property
    def is_anonymous(self) -> bool:
        """True for a volume without a name of its own: the engine generates 64 hexadecimal digits."""
        return self.type == "volume" and bool(_ANONYMOUS.fullmatch(self.source))


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
        near = [mount for mount in self._mounts if any(_near(mount.target, path) for path in paths)]
        near = [mount for mount in near if mount.type != "tmpfs"]
        image = self.images.of(str(self.inspected["Image"]))
        if image is None or self.layer.is_large(paths):
            return self._whole(paths, near)
        below = self._through_mounts(paths, near, str(self.inspected["Image"])) if near else image(paths)
        tree, written = apply(self.layer, paths, below, [mount.target for mount in self._mounts])
        self.written.update(written)
        return tree

    @property
    def _mounts(self) -> tuple[Mount, ...]:
        return mounts_of(self.inspected)

    def _through_mounts(
        self, paths: Sequence[str], near: Sequence[Mount], image_id: str, declared: Sequence[str] = ()
    ) -> Tree:
        """The entries at ``paths`` with mounts over that image. Its volumes ``declared`` must not be created."""
        engine = self.images.engine
        binds = {mount.target: mount.source for mount in near if mount.type == "bind"}
        volumes = {*declared, *(self.inspected["Config"].get("Volumes") or ())} - {mount.target for mount in near}
        hidden = {mount.target for mount in self._mounts if mount not in near} | volumes
        with view(engine, str(self.inspected["Id"]), image_id, binds, sorted(hidden)) as (probe, gone):
            for path in paths:
                lost = next((mount for mount in near if mount.target in gone and at_or_below(path, mount.target)), None)
                if lost:
                    raise Unavailable(
                        f"{lost.source} is mounted at {lost.target}, but it no longer exists on the engine's host",
                        hint="restore the folder, or recreate the container",
                    )
            return read_container(engine, probe, paths, lambda path: True)

    def _whole(self, paths: Sequence[str], near: Sequence[Mount]) -> Tree:
        """The entries if the image is gone or mostly overwritten: one pass over the whole file system."""

        def scan(wanted: Wanted) -> list[Delta]:
            with export(self.images.engine, str(self.inspected["Id"])) as stream:
                return [scan_layer(TarReader(stream, "the container's file system"), wanted, Budget())]

        tree = read_merged(scan, paths, lambda path: True).entries
        targets = [mount.target for mount in self._mounts]
        tree = {path: entry for path, entry in tree.items() if not covered(path, targets)}
        if near:
            pairs = [(mount.target, path) for mount in near for path in paths if _near(mount.target, path)]
            asked = sorted({path if at_or_below(path, target) else target for target, path in pairs})
            shown = self._through_mounts(asked, near, *self.images.any())
            tree.update(shown)
        changes = [change for change in self.layer.changes(paths) if not covered(change.path, targets)]
        folders = {posixpath.dirname(change.path) for change in changes}
        self.written.update(change.path for change in changes if change.deleted or change.path not in folders)
        return tree


def mounts_of(inspected: Mapping[str, Any]) -> tuple[Mount, ...]:
    """The mounts of an inspected container, sorted by target."""
    mounts = {
        str(item["Destination"]).rstrip("/") or "/": Mount(
            str(item.get("Type") or "volume"),
            str((item.get("Name") if item.get("Type") == "volume" else item.get("Source")) or ""),
            str(item["Destination"]).rstrip("/") or "/",
        )
        for item in inspected.get("Mounts") or ()
    }
    host = inspected.get("HostConfig") or {}
    asked = [str(item.get("Target")) for item in host.get("Mounts") or () if item.get("Type") == "tmpfs"]
    for target in (*(host.get("Tmpfs") or ()), *asked):
        mounts.setdefault(target.rstrip("/") or "/", Mount("tmpfs", "", target.rstrip("/") or "/"))
    return tuple(mounts[target] for target in sorted(mounts))


def without_memory(tree: Tree, paths: Sequence[str], mounts: Sequence[Mount]) -> Tree:
    """The tree as seen in a container: a tmpfs starts as an empty folder, whatever the image has below it.

    Files that the container has written there are in memory only; the engine does not show them.
    """
    memory = [
        each.target for each in mounts if each.type == "tmpfs" and any(_near(each.target, path) for path in paths)
    ]
    if not memory:
        return tree

    def is_hidden(path: str) -> bool:
        over = [mount for mount in mounts if at_or_below(path, mount.target)]
        return max(over, key=lambda mount: len(mount.target)).type == "tmpfs" if over else False

    shown = {path: entry for path, entry in tree.items() if not is_hidden(path)}
    for target in memory:
        if covered(target, paths):
            shown[target] = Entry(target, EntryKind.DIRECTORY, mode=0o1777)
    return shown


def at_or_below(path: str, folder: str) -> bool:
    """True if ``path`` equals ``folder`` or is below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def covered(path: str, targets: Sequence[str]) -> bool:
    return any(at_or_below(path, target) for target in targets)


def _near(target: str, path: str) -> bool:
    """True if a mount at ``target`` affects ``path`` or anything below it."""
    return at_or_below(path, target) or at_or_below(target, path)
