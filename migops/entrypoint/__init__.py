"""What a service's container does to the schema when it starts, read from the command and the files that it names."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from migops.core.errors import Unavailable
from migops.core.model import Location
from migops.entrypoint.follow import LARGEST, Change, File, Follower

if TYPE_CHECKING:
    from migops.compose import Project, Service

__all__ = ["Change", "File", "ImageCommand", "Startup", "read"]

Files = Callable[[str], File | None]
"""A file by its absolute path in the container; None where there is none."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class ImageCommand:
    """What an image runs unless it is told otherwise; ``place`` says where that was read: ``image``, ``Dockerfile``.

    ``unread`` is why its ENTRYPOINT is not known, '' where it is.
    """

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    working_dir: str
    environment: Mapping[str, str]
    place: str
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Startup:
    """What one service's container runs when it starts, and what of it changes the schema.

    ``words`` are entrypoint and command together. ``one_shot``: the container is there to migrate and then ends, or
    other services wait until it has completed. ``replicas`` is how many are started. ``waits``: it waits for a server
    by itself. ``unread`` says, a sentence each, what could not be followed.
    """

    service: str
    words: tuple[str, ...] = field(repr=False)  # a URL with its password may be among them
    changes: tuple[Change, ...] = ()
    one_shot: bool = False
    replicas: int = 1
    waits: bool = False
    unread: tuple[str, ...] = ()

    @property
    def upgrades(self) -> tuple[Change, ...]:
        """The commands that run Alembic's upgrade: where there is one, the service migrates by itself."""
        return tuple(change for change in self.changes if change.upgrade)


def read(files: Files, image: ImageCommand, service: Service | None = None, project: Project | None = None) -> Startup:
    """Follow the start of ``service`` (None: of the image alone). Nothing is run.

    ``files`` are those of the image; where the service mounts something over them, the host's count. Only what the
    command names is read, and what those files name.
    """
    environment = {**image.environment, **{k: v for k, v in (service.environment if service else {}).items() if v}}
    path = (environment.get("PATH") or _PATH).split(":")
    cwd = posixpath.join(image.working_dir or "/", service.working_dir if service else "")
    words, at, place = _command(image, service, project)
    follower = Follower(_mounted(files, service), path, environment)
    if image.unread and (service is None or service.entrypoint is None):
        follower.unread.append(image.unread)
    if words:
        follower.start(words, posixpath.normpath(cwd), at, place)
    return Startup(
        service=service.name if service else "",
        words=words,
        changes=tuple(follower.changes),
        one_shot=bool(follower.changes) and (follower.last == "upgrade" or _is_awaited(service, project)),
        replicas=service.replicas if service else 1,
        waits=follower.waits,
        unread=tuple(dict.fromkeys(follower.unread)),
    )


def _command(
    image: ImageCommand, service: Service | None, project: Project | None
) -> tuple[tuple[str, ...], Location, str]:
    """The words that the container starts with, and where they are written."""
    if service is None or (service.entrypoint is None and service.command is None):
        return (*image.entrypoint, *image.cmd), Location("ENTRYPOINT and CMD"), image.place
    if service.entrypoint is None:
        return (*image.entrypoint, *(service.command or ())), _written(service, project, "command"), "compose file"
    # As `docker run --entrypoint` does, another entrypoint lets the image's CMD go.
    key = "entrypoint" if service.entrypoint else "command"
    return (*service.entrypoint, *(service.command or ())), _written(service, project, key), "compose file"


def _written(service: Service, project: Project | None, key: str) -> Location:
    """Where the compose file has the service's ``key``."""
    from migops.compose.explain import explain  # only where a start is asked for

    if project is None or getattr(service, key) is None:
        return service.location
    found = explain(project.tree, f"services.{service.name}.{key}")
    return found[0].location if found else service.location


def _mounted(files: Files, service: Service | None) -> Files:
    """``files`` under what the service mounts."""
    mounts = sorted(service.volumes if service else (), key=lambda mount: -len(mount.target))

    def at(path: str) -> File | None:
        for mount in mounts:
            if path == mount.target or path.startswith(mount.target.rstrip("/") + "/"):
                if mount.type != "bind":
                    raise Unavailable(f"a {mount.type} is mounted over {mount.target}, and its content was not read")
                return _of_host(Path(mount.source + path[len(mount.target.rstrip("/")) :]))
        return files(path)

    return at


def _of_host(path: Path) -> File | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return File(file.read(LARGEST + 1), str(path), "host")
    except OSError as error:
        raise Unavailable(f"cannot be read: {error.strerror}") from error


def _is_awaited(service: Service | None, project: Project | None) -> bool:
    """Whether another service starts only when this one has completed."""
    if service is None or project is None:
        return False
    waiting = (other.depends_on.get(service.name) for other in project.services.values())
    return any(each is not None and each.condition == "service_completed_successfully" for each in waiting)
