"""The container source: Alembic's view in a service's containers, running or not, without touching them.

It consists of the container's *own* image, which may be older than the one that the tag now names, its writable layer,
and its mounts on top. Nothing is started, stopped or written, and no folder is archived from a container that may run:
mounts are read through a probe container that shares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from migops.core.errors import Unavailable
from migops.core.model import Unknown
from migops.docker import compose_labels
from migops.docker.compose_labels import NUMBER, ONE_OFF, is_one_off, read, service_of
from migops.docker.containers import inspect, name_of
from migops.migrations.scripts import Known
from migops.sources.container_files import ContainerFiles, ImageFiles
from migops.sources.container_model import Container
from migops.sources.environment import Environment
from migops.sources.home import Homes, OtherConfiguration, Reader
from migops.sources.mounts import covered, mounts_of
from migops.sources.writable import WritableLayer, open_layer

Others = tuple[OtherConfiguration, ...]
TRIES = 3  # listings of the containers, if some vanish while they are read


class Starts(Protocol):
    """Working directory and configuration of Alembic in a container, and its view from there."""

    def homes(self, inspected: Mapping[str, Any], read: Reader) -> Homes: ...

    def see(self, homes: Homes, read: Reader, name: str) -> tuple[Environment | Unknown, Others]:
        """Alembic's view in the container ``name``, and the further calls that see different migrations."""


@dataclass(slots=True)
class ContainerReader:
    """Reads the containers of a compose project."""

    images: ImageFiles
    project: str
    starts: Starts
    known: Known
    seen: dict[tuple[object, ...], tuple[Environment | Unknown, Others, frozenset[str]]] = field(default_factory=dict)

    def read(self, services: Sequence[str], folders: Sequence[str] = ()) -> dict[str, tuple[Container, ...]]:
        """The containers of each service, by number. One-offs are included if they wrote scripts in ``folders``.

        If a container vanishes while it is read, it was being replaced: then all are listed again.
        """
        for _ in range(TRIES):
            listed = self.images.engine.containers(compose_labels.filters(self.project))
            # Compose's images have the other labels too, so a container that a user ran from one may carry them.
            wanted = [item for item in listed if service_of(item) in services and read(item, ONE_OFF)]
            readings = [self._container(str(item["Id"]), folders) for item in wanted]
            if None not in readings:
                break
        complete = [reading for reading in readings if isinstance(reading, Container)]
        containers = sorted(complete, key=lambda container: container.number)
        return {name: tuple(container for container in containers if container.service == name) for name in services}

    def _container(self, key: str, folders: Sequence[str]) -> Container | bool | None:
        """The container; True for a one-off that wrote nothing; None if it has vanished."""
        inspected = inspect(self.images.engine, key)
        if inspected is None:
            return None
        try:
            layer = open_layer(self.images.engine, inspected)
            one_off = is_one_off(inspected)
            if one_off and not _wrote_scripts(layer, folders):
                return True
            environment, others, written = self._found(inspected, layer)
        except Unavailable as error:
            if inspect(self.images.engine, key) is None:
                return None
            environment, others, written = Unknown(f"{name_of(inspected)}: {error}", error.hint), (), frozenset()
        return Container(
            id=key,
            name=name_of(inspected),
            service=service_of(inspected),
            number=_number(read(inspected, NUMBER)),
            running=bool(inspected["State"].get("Running")),
            one_off=one_off,
            image_id=str(inspected["Image"]),
            mounts=mounts_of(inspected),
            found=environment,
            written=written,
            configurations=others,
        )

    def _found(
        self, inspected: Mapping[str, Any], layer: WritableLayer
    ) -> tuple[Environment | Unknown, Others, frozenset[str]]:
        files = ContainerFiles(inspected, layer, self.images)
        homes = self.starts.homes(inspected, files)
        key = (inspected["Image"], homes.key, mounts_of(inspected))
        if key in self.seen:  # a replica: already read, unless it wrote something of its own
            environment, others, asked = self.seen[key]
            targets = [mount.target for mount in mounts_of(inspected)]
            changes = layer.changes(sorted(asked))
            if all(covered(change.path, targets) for change in changes):
                return environment, others, frozenset()
        environment, others = self.starts.see(homes, files, name_of(inspected))
        if isinstance(environment, Unknown):
            environment = Unknown(f"{name_of(inspected)}: {environment.reason}", environment.hint)
        if not files.written:
            self.seen[key] = environment, others, frozenset(files.asked)
        return environment, others, frozenset(files.written)


def _wrote_scripts(layer: WritableLayer, folders: Sequence[str]) -> bool:
    return any(change.path.endswith(".py") and not change.deleted for change in layer.changes(folders))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
