"""The container place: what Alembic would see in a service's containers, running or not, without touching them.

That is the files of the container's *own* image, which may be an older one than the tag now names, under its mounts,
with what the container has written since. Nothing is started, stopped or seeded, and no folder is archived from a
container that may run: mounts are looked at through a probe that shares them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from migops.engine import Engine
from migops.engine.containers import export, inspect, view
from migops.errors import NoVerdict
from migops.history.scripts import Known
from migops.images import Image, open_image
from migops.images.daemon import read_container
from migops.images.layer import Budget, Delta, Wanted, scan_layer
from migops.images.merge import read_merged
from migops.images.tar import TarReader
from migops.model import Absent, MigrationSet, Tree, Unknown
from migops.places.environment import TEXTS, Environment, Home, Reader, read_environment
from migops.places.writable import WritableLayer, apply, open_layer

LABEL = "com.docker.compose."
TRIES = 3  # how often the containers are listed, where some vanish while they are read
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Mount:
    """What lies over a path of a container: ``type`` is bind, volume or tmpfs, as Docker says.

    ``source`` is the folder on the engine's host, or the volume's name.
    """

    type: str
    source: str
    target: str

    @property
    def is_anonymous(self) -> bool:
        """A volume that nobody named: the engine made up 64 hexadecimal digits."""
        return self.type == "volume" and bool(_ANONYMOUS.fullmatch(self.source))


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a service, and what Alembic would see in it.

    ``image_id`` is the image that it was created from. ``written`` are the paths, of those that Alembic reads, which
    its writable layer adds, changes or deletes (a folder: with all below it). ``one_off`` is a container of ``docker
    compose run``.
    """

    id: str
    name: str
    service: str
    number: int
    running: bool
    one_off: bool
    image_id: str
    mounts: tuple[Mount, ...]
    found: Environment | Unknown
    written: frozenset[str] = frozenset()

    @property
    def migrations(self) -> MigrationSet | None:
        """What it holds, or None where it could not be read."""
        return self.found.migrations if isinstance(self.found, Environment) else None

    @property
    def is_bound(self) -> bool:
        """Whether the versions folders are the engine's host's own, through a bind mount."""
        over = [self.cover(folder) for folder in self.migrations.location] if self.migrations else []
        return bool(over) and all(mount is not None and mount.type == "bind" for mount in over)

    def wrote(self, path: str) -> bool:
        """Whether the writable layer changed the path."""
        return any(at_or_below(path, written) for written in self.written)

    def cover(self, path: str) -> Mount | None:
        """The mount that the path lies in, or None where the image and the writable layer show."""
        over = [mount for mount in self.mounts if at_or_below(path, mount.target)]
        return max(over, key=lambda mount: len(mount.target), default=None)


@dataclass(slots=True)
class ImageFiles:
    """The images of an engine by ID; what was read of one is not read again. ``opened`` closes them."""

    engine: Engine
    opened: ExitStack
    readers: dict[str, Reader] = field(default_factory=dict)

    def named(self, ref: str) -> tuple[Image, Reader]:
        """An image by name or ID, and its reader. ``NoVerdict`` where the engine does not have it (any more)."""
        image = self.opened.enter_context(open_image(f"docker-daemon:{ref}", engine=lambda: self.engine))
        return image, self.readers.setdefault(image.id, reader_of(image))

    def of(self, image_id: str) -> Reader | None:
        """The reader of the image with that ID; None where the engine does not have it any more.

        With the containerd image store an image goes as soon as its name means another, though containers run it.
        """
        if image_id not in self.readers:
            try:
                self.named(image_id)
            except NoVerdict:
                return None
        return self.readers[image_id]

    def any(self) -> tuple[str, tuple[str, ...]]:
        """An image that is there, and the paths that it declares to be volumes."""
        image_id = next(iter(self.readers))
        return image_id, tuple((self.engine.image(image_id).get("Config") or {}).get("Volumes") or ())


def reader_of(image: Image) -> Reader:
    """Reads an image, and asks it once for the same paths."""
    seen: dict[tuple[str, ...], Tree] = {}

    def read(paths: Sequence[str]) -> Tree:
        if tuple(paths) not in seen:
            seen[tuple(paths)] = image.read(paths, content=lambda path: path in paths or path.endswith(TEXTS))
        return seen[tuple(paths)]

    return read


@dataclass(slots=True)
class ContainerReader:
    """Reads the containers of a compose project. ``home`` says where Alembic starts in a given working directory."""

    images: ImageFiles
    project: str
    home: Callable[[str], Home]
    known: Known
    seen: dict[tuple[object, ...], tuple[Environment | Unknown, frozenset[str]]] = field(default_factory=dict)

    def read(self, services: Sequence[str], folders: Sequence[str] = ()) -> dict[str, tuple[Container, ...]]:
        """The containers of each service, by number. One-off ones are among them if they wrote scripts in ``folders``.

        A container that vanishes while it is read was being replaced: then all are listed once more.
        """
        for _ in range(TRIES):
            listed = self.images.engine.containers({f"{LABEL}project": self.project})
            # Compose labels its images too, with all but this: a container that somebody ran from one is not compose's.
            wanted = [item for item in listed if _label(item, "service") in services and _label(item, "oneoff")]
            found = [self._container(str(item["Id"]), folders) for item in wanted]
            if None not in found:
                break
        containers = sorted((each for each in found if isinstance(each, Container)), key=lambda each: each.number)
        return {name: tuple(each for each in containers if each.service == name) for name in services}

    def _container(self, key: str, folders: Sequence[str]) -> Container | bool | None:
        """The container; True for a one-off that wrote nothing; None where it has vanished."""
        inspected = inspect(self.images.engine, key)
        if inspected is None:
            return None
        try:
            layer = open_layer(self.images.engine, inspected)
            one_off = _label(inspected["Config"], "oneoff") == "True"
            if one_off and not _wrote_scripts(layer, folders):
                return True
            found, written = self._found(inspected, layer)
        except NoVerdict as error:
            if inspect(self.images.engine, key) is None:
                return None
            found, written = Unknown(f"{_name(inspected)}: {error}", error.hint), frozenset()
        return Container(
            id=key,
            name=_name(inspected),
            service=_label(inspected["Config"], "service"),
            number=_number(_label(inspected["Config"], "container-number")),
            running=bool(inspected["State"].get("Running")),
            one_off=one_off,
            image_id=str(inspected["Image"]),
            mounts=_mounts(inspected),
            found=found,
            written=written,
        )

    def _found(
        self, inspected: Mapping[str, Any], layer: WritableLayer
    ) -> tuple[Environment | Unknown, frozenset[str]]:
        working_dir = str(inspected["Config"].get("WorkingDir") or "/")
        key = (inspected["Image"], working_dir, _mounts(inspected))
        if key in self.seen:  # a replica: read already, unless it wrote something of its own
            found, asked = self.seen[key]
            targets = [mount.target for mount in _mounts(inspected)]
            changes = layer.changes(sorted(asked))
            if all(_covered(change.path, targets) for change in changes):
                return found, frozenset()
        files = _Files(inspected, layer, self.images)
        found = read_environment(files, self.home(working_dir), self.known)
        if isinstance(found, Unknown):
            found = Unknown(f"{_name(inspected)}: {found.reason}", found.hint)
        if not files.written:
            self.seen[key] = found, frozenset(files.asked)
        return found, frozenset(files.written)


@dataclass(slots=True)
class _Files:
    """A ``Reader`` of one container: its image, under its mounts, with what it has written."""

    inspected: Mapping[str, Any]
    layer: WritableLayer
    images: ImageFiles
    asked: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def __call__(self, paths: Sequence[str]) -> Tree:
        self.asked.update(paths)
        near = [mount for mount in self._mounts if any(_near(mount.target, path) for path in paths)]
        for mount in near:
            if mount.type == "tmpfs" and any(at_or_below(path, mount.target) for path in paths):
                raise NoVerdict(
                    f"a tmpfs lies over {mount.target}: what it holds is only in the memory of the running container",
                    hint="no image's migrations show there: take the tmpfs away from the service",
                )
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
        return _mounts(self.inspected)

    def _through_mounts(
        self, paths: Sequence[str], near: Sequence[Mount], image_id: str, declared: Sequence[str] = ()
    ) -> Tree:
        """``paths`` as the mounts show them over that image. ``declared`` are volumes of it that must not be made."""
        engine = self.images.engine
        binds = {mount.target: mount.source for mount in near if mount.type == "bind"}
        volumes = {*declared, *(self.inspected["Config"].get("Volumes") or ())} - {mount.target for mount in near}
        hidden = {mount.target for mount in self._mounts if mount not in near} | volumes
        with view(engine, str(self.inspected["Id"]), image_id, binds, sorted(hidden)) as (probe, gone):
            for path in paths:
                lost = next((mount for mount in near if mount.target in gone and at_or_below(path, mount.target)), None)
                if lost:
                    raise NoVerdict(
                        f"{lost.source} is mounted at {lost.target}, and it has gone from the engine's host",
                        hint="bring the folder back, or create the container anew",
                    )
            return read_container(engine, probe, paths, lambda path: True)

    def _whole(self, paths: Sequence[str], near: Sequence[Mount]) -> Tree:
        """The same where the image has gone, or hardly anything is left of it: one pass over the whole file system."""

        def scan(wanted: Wanted) -> list[Delta]:
            with export(self.images.engine, str(self.inspected["Id"])) as stream:
                return [scan_layer(TarReader(stream, "the container's file system"), wanted, Budget())]

        tree = read_merged(scan, paths, lambda path: True).entries
        targets = [mount.target for mount in self._mounts]
        tree = {path: entry for path, entry in tree.items() if not _covered(path, targets)}
        if near:
            pairs = [(mount.target, path) for mount in near for path in paths if _near(mount.target, path)]
            asked = sorted({path if at_or_below(path, target) else target for target, path in pairs})
            shown = self._through_mounts(asked, near, *self.images.any())
            tree.update(shown)
        changes = [change for change in self.layer.changes(paths) if not _covered(change.path, targets)]
        folders = {posixpath.dirname(change.path) for change in changes}
        self.written.update(change.path for change in changes if change.deleted or change.path not in folders)
        return tree


def summary(containers: Sequence[Container]) -> Unknown | Absent | None:
    """Why the place was not read, or None where every container was."""
    lasting = [each for each in containers if not each.one_off]
    if not lasting:
        return Absent("no container of this service exists")
    return next((each.found for each in lasting if isinstance(each.found, Unknown)), None)


def representative(containers: Sequence[Container], image: MigrationSet | None) -> Container:
    """The container that stands for all replicas: one that holds other scripts than the image if there is any.

    Those that run come first. ``containers`` hold one that is lasting, and all were read.
    """

    def order(each: Container) -> tuple[bool, bool, int]:
        same = image is not None and each.migrations is not None and digests(each.migrations) == digests(image)
        return same, not each.running, each.number

    return min((each for each in containers if not each.one_off), key=order)


def digests(held: MigrationSet) -> dict[str, str]:
    """The digest of each script, by its name: two places that agree here hold the same migrations."""
    return {name: file.sha256 for name, file in held.scripts.items()}


def at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _covered(path: str, targets: Sequence[str]) -> bool:
    return any(at_or_below(path, target) for target in targets)


def _near(target: str, path: str) -> bool:
    """Whether a mount at ``target`` has a say at or below ``path``."""
    return at_or_below(path, target) or at_or_below(target, path)


def _mounts(inspected: Mapping[str, Any]) -> tuple[Mount, ...]:
    found = {
        str(item["Destination"]).rstrip("/") or "/": Mount(
            str(item.get("Type") or "volume"),
            str((item.get("Name") if item.get("Type") == "volume" else item.get("Source")) or ""),
            str(item["Destination"]).rstrip("/") or "/",
        )
        for item in inspected.get("Mounts") or ()
    }
    for target in (inspected.get("HostConfig") or {}).get("Tmpfs") or ():
        found.setdefault(target.rstrip("/") or "/", Mount("tmpfs", "", target.rstrip("/") or "/"))
    return tuple(found[target] for target in sorted(found))


def _wrote_scripts(layer: WritableLayer, folders: Sequence[str]) -> bool:
    return any(change.path.endswith(".py") and not change.deleted for change in layer.changes(folders))


def _label(item: Mapping[str, Any], name: str) -> str:
    return str((item.get("Labels") or {}).get(LABEL + name) or "")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _name(inspected: Mapping[str, Any]) -> str:
    return str(inspected.get("Name") or inspected["Id"][:12]).lstrip("/")
