"""Schema changes at the start of a service's container, derived from its command and the files that it names."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from migops.core.errors import Unavailable
from migops.core.model import Location
from migops.dockerfile.state import DEFAULT_PATH
from migops.entrypoint.follow import LARGEST, Follower
from migops.entrypoint.model import Change, File

if TYPE_CHECKING:
    from migops.compose import Project, Service

__all__ = ["Change", "File", "ImageCommand", "Startup", "read"]

Files = Callable[[str], File | None]
"""From an absolute path in the container to the file; None if there is none."""


@dataclass(frozen=True, slots=True)
class ImageCommand:
    """An image's default command."""

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    working_dir: str
    environment: Mapping[str, str]
    place: str  # the source of the values: ``image`` or ``Dockerfile``
    unread: str = ""  # the reason why ENTRYPOINT is unknown; '' if it is known
    complete: bool = True  # ``environment`` has the variables of the base image too
    deep: bool = True  # imports of Python modules are followed


@dataclass(frozen=True, slots=True)
class Startup:
    """The start of one service's container, and the schema changes in it."""

    service: str
    words: tuple[str, ...] = field(repr=False)  # entrypoint and command; may contain a URL with its password
    changes: tuple[Change, ...] = ()
    one_shot: bool = False  # the container migrates and exits, or other services wait for its completion
    replicas: int = 1
    waits: tuple[str, ...] = ()  # the text of each command or loop that waits for a server
    unread: tuple[str, ...] = ()  # a sentence for each part that could not be followed
    unfound: tuple[str, ...] = ()  # the same for modules that a server loads and that are no files of the project

    @property
    def upgrades(self) -> tuple[Change, ...]:
        """The commands that run Alembic's upgrade. If there is one, the service migrates by itself."""
        return tuple(change for change in self.changes if change.upgrade)


def read(files: Files, image: ImageCommand, service: Service | None = None, project: Project | None = None) -> Startup:
    """Follow the start of ``service`` (None: of the image alone). Nothing is run.

    ``files`` are those of the image; files below a bind mount are read from the host. Only the files that the command
    names are read, and the files that these name.
    """
    environment = {**image.environment, **{k: v for k, v in (service.environment if service else {}).items() if v}}
    path = (environment.get("PATH") or DEFAULT_PATH).split(":")
    cwd = posixpath.join(image.working_dir or "/", service.working_dir if service else "")
    words, at, place = _command(image, service, project)
    complete = image.complete and not getattr(service, "unread", ())  # an env file that is missing may set anything
    follower = Follower(_mounted(files, service), path, environment, complete=complete, deep=image.deep)
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
        waits=tuple(follower.waits),
        unread=tuple(dict.fromkeys(follower.unread)),
        unfound=tuple(dict.fromkeys(follower.unfound)),
    )


def _command(
    image: ImageCommand, service: Service | None, project: Project | None
) -> tuple[tuple[str, ...], Location, str]:
    """The command that the container starts with, its location, and the source of the location."""
    if service is None or (service.entrypoint is None and service.command is None):
        return (*image.entrypoint, *image.cmd), Location("ENTRYPOINT and CMD"), image.place
    if service.entrypoint is None:
        return (*image.entrypoint, *(service.command or ())), _written(service, project, "command"), "compose file"
    # Another entrypoint drops the image's CMD, as in `docker run --entrypoint`.
    key = "entrypoint" if service.entrypoint else "command"
    return (*service.entrypoint, *(service.command or ())), _written(service, project, key), "compose file"


def _written(service: Service, project: Project | None, key: str) -> Location:
    """The location of the service's ``key`` in the compose file."""
    from migops.compose.explain import explain  # needed only if a start is followed

    if project is None or getattr(service, key) is None:
        return service.location
    origins = explain(project.tree, f"services.{service.name}.{key}")
    return origins[0].location if origins else service.location


def _mounted(files: Files, service: Service | None) -> Files:
    """``files`` under the service's mounts. Reading below a mount other than a bind raises ``Unavailable``."""
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
    """True if another service starts only after this one has completed."""
    if service is None or project is None:
        return False
    waiting = (other.depends_on.get(service.name) for other in project.services.values())
    return any(entry is not None and entry.condition == "service_completed_successfully" for entry in waiting)
