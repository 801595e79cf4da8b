"""The container place: what Alembic would see in a service's containers, running or not, without touching them.

That is the files of the container's *own* image, which may be an older one than the tag now names, under its mounts,
with what the container has written since. Nothing is started, stopped or seeded, and no folder is archived from a
container that may run: mounts are looked at through a probe that shares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from migops.core.errors import Unavailable
from migops.core.model import Absent, MigrationSet, Unknown
from migops.docker import compose_labels
from migops.docker.compose_labels import NUMBER, ONE_OFF, is_one_off, read, service_of
from migops.docker.containers import inspect, name_of
from migops.migrations.scripts import Known
from migops.sources.container_files import ContainerFiles, ImageFiles, Mount, at_or_below, covered, mounts_of
from migops.sources.environment import Environment
from migops.sources.home import Homes, OtherConfiguration, Reader
from migops.sources.writable import WritableLayer, open_layer

Others = tuple[OtherConfiguration, ...]
TRIES = 3  # how often the containers are listed, where some vanish while they are read


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a service, and what Alembic would see in it.

    ``image_id`` is the image that it was created from. ``written`` are the paths, of those that Alembic reads, which
    its writable layer adds, changes or deletes (a folder: with all below it). ``one_off`` is a container of ``docker
    compose run``. ``configurations`` are calls of Alembic in it that read something else.
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
    configurations: tuple[OtherConfiguration, ...] = ()

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


class Starts(Protocol):
    """Where Alembic starts in a container, and what it sees from there."""

    def homes(self, inspected: Mapping[str, Any], read: Reader) -> Homes: ...

    def see(self, homes: Homes, read: Reader, name: str) -> tuple[Environment | Unknown, Others]:
        """What Alembic sees in the container of that name, and the further calls that see something else."""


@dataclass(slots=True)
class ContainerReader:
    """Reads the containers of a compose project."""

    images: ImageFiles
    project: str
    starts: Starts
    known: Known
    seen: dict[tuple[object, ...], tuple[Environment | Unknown, Others, frozenset[str]]] = field(default_factory=dict)

    def read(self, services: Sequence[str], folders: Sequence[str] = ()) -> dict[str, tuple[Container, ...]]:
        """The containers of each service, by number. One-off ones are among them if they wrote scripts in ``folders``.

        A container that vanishes while it is read was being replaced: then all are listed once more.
        """
        for _ in range(TRIES):
            listed = self.images.engine.containers(compose_labels.filters(self.project))
            # Compose labels its images too, with all but this: a container that somebody ran from one is not compose's.
            wanted = [item for item in listed if service_of(item) in services and read(item, ONE_OFF)]
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
            one_off = is_one_off(inspected)
            if one_off and not _wrote_scripts(layer, folders):
                return True
            found, others, written = self._found(inspected, layer)
        except Unavailable as error:
            if inspect(self.images.engine, key) is None:
                return None
            found, others, written = Unknown(f"{name_of(inspected)}: {error}", error.hint), (), frozenset()
        return Container(
            id=key,
            name=name_of(inspected),
            service=service_of(inspected),
            number=_number(read(inspected, NUMBER)),
            running=bool(inspected["State"].get("Running")),
            one_off=one_off,
            image_id=str(inspected["Image"]),
            mounts=mounts_of(inspected),
            found=found,
            written=written,
            configurations=others,
        )

    def _found(
        self, inspected: Mapping[str, Any], layer: WritableLayer
    ) -> tuple[Environment | Unknown, Others, frozenset[str]]:
        files = ContainerFiles(inspected, layer, self.images)
        homes = self.starts.homes(inspected, files)
        key = (inspected["Image"], homes.key, mounts_of(inspected))
        if key in self.seen:  # a replica: read already, unless it wrote something of its own
            found, others, asked = self.seen[key]
            targets = [mount.target for mount in mounts_of(inspected)]
            changes = layer.changes(sorted(asked))
            if all(covered(change.path, targets) for change in changes):
                return found, others, frozenset()
        found, others = self.starts.see(homes, files, name_of(inspected))
        if isinstance(found, Unknown):
            found = Unknown(f"{name_of(inspected)}: {found.reason}", found.hint)
        if not files.written:
            self.seen[key] = found, others, frozenset(files.asked)
        return found, others, frozenset(files.written)


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


def _wrote_scripts(layer: WritableLayer, folders: Sequence[str]) -> bool:
    return any(change.path.endswith(".py") and not change.deleted for change in layer.changes(folders))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
