"""A container of a service as it was read, and which of several stands for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migops.core.model import Absent, MigrationSet, Unknown
from migops.sources.environment import Environment
from migops.sources.home import OtherConfiguration
from migops.sources.mounts import Mount, at_or_below


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a service, and Alembic's view in it."""

    id: str
    name: str
    service: str
    number: int
    running: bool
    one_off: bool  # of ``docker compose run``
    image_id: str  # the image that it was created from
    mounts: tuple[Mount, ...]
    found: Environment | Unknown  # Alembic's view
    written: frozenset[str] = frozenset()
    """Paths that its writable layer adds, changes or deletes (folders: recursively), of those that Alembic reads."""
    configurations: tuple[OtherConfiguration, ...] = ()  # calls of Alembic in it that read different migrations

    @property
    def migrations(self) -> MigrationSet | None:
        """Its migrations; None if it could not be read."""
        return self.found.migrations if isinstance(self.found, Environment) else None

    @property
    def is_bound(self) -> bool:
        """True if the versions folders are bind mounts of folders on the engine's host."""
        over = [self.cover(folder) for folder in self.migrations.location] if self.migrations else []
        return bool(over) and all(mount is not None and mount.type == "bind" for mount in over)

    def wrote(self, path: str) -> bool:
        """True if the writable layer changed ``path``."""
        return any(at_or_below(path, written) for written in self.written)

    def cover(self, path: str) -> Mount | None:
        """The mount that covers ``path``; None if the image and the writable layer are visible there."""
        over = [mount for mount in self.mounts if at_or_below(path, mount.target)]
        return max(over, key=lambda mount: len(mount.target), default=None)


def summary(containers: Sequence[Container]) -> Unknown | Absent | None:
    """The reason why a container was not read; None if all were."""
    lasting = [container for container in containers if not container.one_off]
    if not lasting:
        return Absent("no container of this service exists")
    return next((container.found for container in lasting if isinstance(container.found, Unknown)), None)


def representative(containers: Sequence[Container], image: MigrationSet | None) -> Container:
    """The container that represents all replicas: one whose scripts differ from the image's, if there is any.

    Running ones are preferred. At least one of ``containers`` is not a one-off, and all were read.
    """

    def order(container: Container) -> tuple[bool, bool, int]:
        own = container.migrations
        same = image is not None and own is not None and digests(own) == digests(image)
        return same, not container.running, container.number

    return min((container for container in containers if not container.one_off), key=order)


def digests(held: MigrationSet) -> dict[str, str]:
    """The digest of each script, by name. Sources with equal digests have the same migrations."""
    return {name: file.sha256 for name, file in held.scripts.items()}
