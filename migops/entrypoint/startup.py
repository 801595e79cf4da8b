"""Schema changes at the start of a service's container, derived from its command and the files that it names."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from migops.compose.unread import ALL_READ
from migops.core.errors import Unavailable
from migops.core.image_source import completed
from migops.core.model import Location
from migops.dockerfile.state import DEFAULT_PATH
from migops.entrypoint.follow import LARGEST, Follower
from migops.entrypoint.model import Change, File, Has, Migrating
from migops.entrypoint.runnable import Fault, faults
from migops.entrypoint.version_writes import VersionWrite

if TYPE_CHECKING:
    from migops.compose import Hook, Project, Service

__all__ = ["Change", "File", "ImageCommand", "Startup", "read"]

_ELSEWHERE = frozenset(("network_mode", "networks", "extra_hosts", "dns", "volumes", "configs", "secrets"))
"""Keys of a hook that decide what a host name or a path means in its container."""

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
    has: Has | None = None  # None if the image's files are not known
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
    migrating: tuple[Migrating, ...] = ()  # the commands by which Alembic writes
    cwd: str = "/"  # the container's working directory
    environment: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)  # the container's
    hooks: tuple[Startup, ...] = ()  # the containers of ``pre_start``, each run to its end before the service starts
    writes: tuple[VersionWrite, ...] = ()  # what changes the version table or adds revisions, without migrating
    faults: tuple[Fault, ...] = ()  # why a file that it runs cannot be started
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
    unread = service.unread if service else ALL_READ
    complete = image.complete and not unread
    follower = Follower(_mounted(files, service), path, environment, unread, complete=complete, deep=image.deep)
    if image.unread and (service is None or service.entrypoint is None):
        follower.record.unread.append(image.unread)
    if words:
        follower.start(words, posixpath.normpath(cwd), at, place)
    ends = follower.record.last == "upgrade" and not follower.record.stays
    return Startup(
        service=service.name if service else "",
        words=words,
        changes=tuple(follower.record.changes),
        one_shot=bool(follower.record.changes) and (ends or _is_awaited(service, project)),
        replicas=service.replicas if service else 1,
        waits=tuple(follower.record.waits),
        unread=tuple(dict.fromkeys(follower.record.unread)),
        migrating=tuple(follower.record.migrating),
        cwd=posixpath.normpath(cwd),
        environment=environment,
        hooks=tuple(_hook(files, image, service, hook) for hook in service.pre_start) if service else (),
        writes=tuple(follower.record.writes),
        faults=tuple(fault for each in follower.record.executed for fault in faults(each, image.has, path)),
        unfound=tuple(dict.fromkeys(follower.record.unfound)),
    )


def _hook(files: Files, image: ImageCommand, service: Service, hook: Hook) -> Startup:
    """Follow a container of the service's ``pre_start``. It runs once, not in every replica, unless it says so.

    It has what it does not set itself from the service, with the service's mounts.
    """
    entrypoint = service.entrypoint if hook.entrypoint is None else hook.entrypoint
    alone = replace(
        service, entrypoint=entrypoint, command=hook.command, environment=hook.environment,
        working_dir=hook.working_dir, location=hook.location, pre_start=(), raw={},
    )  # fmt: skip
    unread: tuple[str, ...] = ()
    if completed(hook.image) != completed(service.image_ref):
        image = ImageCommand((), (), "/", {}, "compose file")
        unread = (f"{hook.location}: it runs in the image {hook.image}, which was not read",)
        files = _no_files
    startup = read(files, image, alone)
    own = sorted(_ELSEWHERE & _keys(service, hook))
    if own:
        unread = (*unread, f"{hook.location}: it has {' and '.join(own)} of its own")
    return replace(
        startup, one_shot=not hook.per_replica, replicas=service.replicas if hook.per_replica else 1,
        unread=(*unread, *startup.unread),
    )  # fmt: skip


def _keys(service: Service, hook: Hook) -> set[str]:
    """The keys that the hook sets to something else than the service has."""
    written = service.raw.get("pre_start") or ()
    mine: Mapping[str, object] = next(
        (each for one, each in zip(service.pre_start, written, strict=False) if one is hook), {}
    )
    return {key for key, given in mine.items() if given and given != service.raw.get(key)}


def _no_files(path: str) -> File | None:
    return None


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
                return of_host(Path(mount.source + path[len(mount.target.rstrip("/")) :]))
        return files(path)

    return at


def of_host(path: Path) -> File | None:
    """A file of the host; None if there is none. Raises ``Unavailable`` if it cannot be read."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return File(file.read(LARGEST + 1), str(path), "host", stat.S_IMODE(os.fstat(file.fileno()).st_mode))
    except OSError as error:
        raise Unavailable(f"cannot be read: {error.strerror}") from error


def _is_awaited(service: Service | None, project: Project | None) -> bool:
    """True if another service starts only after this one has completed."""
    if service is None or project is None:
        return False
    waiting = (other.depends_on.get(service.name) for other in project.services.values())
    return any(entry is not None and entry.condition == "service_completed_successfully" for entry in waiting)
