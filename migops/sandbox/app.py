"""The application, as one-off containers beside the disposable server run it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.sandbox.live import Live, is_of_a_running_system
from migops.sources.mounts import at_or_below

if TYPE_CHECKING:
    from migops.compose import Mount, Project, Service

_SECRETS = "/run/secrets"


@dataclass(frozen=True, slots=True)
class App:
    """The definition of the one-off containers."""

    image: str
    """The image's ID."""
    environment: Mapping[str, str] = field(repr=False)
    user: str = ""
    working_dir: str = ""
    """The folder that they start in; empty for the image's own."""
    mounts: tuple[Mapping[str, Any], ...] = ()
    """The service's mounts that cover its code, read-only, in the form of the Engine API."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The contents of its secrets and configs, by path."""
    entrypoint: tuple[str, ...] | None = None
    """The service's entrypoint; None for the image's own."""
    keeps_entrypoint: bool = False
    """True if the command line follows the entrypoint instead of replacing it."""


def app_of(
    project: Project,
    service: Service,
    image: str,
    live: Live,
    *,
    working_dir: str,
    code: Sequence[str],
    keeps_entrypoint: bool = False,
) -> App:
    """The definition of the service's one-off containers, with the image of that ID.

    ``code``: the folders that Alembic reads. Only mounts that cover these or the working directory are kept, and none
    that the live server has as well, since it could bring in the server's socket. Raises MigopsError if the code
    cannot be mounted without that socket.
    """
    return App(
        image=image,
        environment={name: value for name, value in service.environment.items() if value is not None},
        user=service.user,
        working_dir=working_dir or service.working_dir,
        mounts=tuple(_mounts(service, live, (working_dir or service.working_dir, *code))),
        files=dict(_files(project, service)),
        entrypoint=service.entrypoint,
        keeps_entrypoint=keeps_entrypoint,
    )


def _mounts(service: Service, live: Live, code: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for mount in service.volumes:
        over = any(at_or_below(folder, mount.target) or at_or_below(mount.target, folder) for folder in code if folder)
        if not over or mount.is_anonymous or is_of_a_running_system(mount.target):
            continue
        if mount.type == "bind" and not _leads_to(live, mount):
            yield {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": True}
        elif mount.type == "volume" and not mount.subpath and mount.volume_name not in live.volumes:
            yield {
                "Type": "volume", "Source": mount.volume_name, "Target": mount.target, "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True},  # otherwise the engine fills an empty volume from the image
            }  # fmt: skip


def _leads_to(live: Live, mount: Mount) -> bool:
    """True if the live server has this bind mount too, or if it is a socket, which works even read-only."""
    source = os.path.realpath(mount.source)
    sockets = [os.path.realpath(socket) for socket in live.sockets]
    if source in map(os.path.realpath, live.binds.values()) or Path(source).is_socket():
        return True
    if any(at_or_below(source, socket) for socket in sockets):
        return True
    if above := next((socket for socket in sockets if at_or_below(socket, source)), ""):
        raise MigopsError(
            f"{mount.source} is mounted at {mount.target}, and {live.container} has its socket below it, in {above}:"
            " an env.py that uses the socket could reach the live database",
            at=mount.location, hint="move the socket's folder out of the folder with the code",
        )  # fmt: skip
    return False


def _files(project: Project, service: Service) -> Iterator[tuple[str, bytes]]:
    """Secrets and configs with their contents, from the same source as compose: file, content or environment."""
    for kind, mounts, folder in (("secrets", service.secrets, _SECRETS), ("configs", service.configs, "/")):
        declared = project.resolved.get(kind) or {}
        for mount in mounts:
            entry = declared.get(mount.source) or {}
            path = posixpath.join(folder, mount.target or mount.source)
            if "file" in entry:
                yield path, _content(Path(entry["file"]))
            elif "content" in entry:
                yield path, str(entry["content"]).encode()
            elif entry.get("environment") in project.environment:
                yield path, project.environment[entry["environment"]].encode()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MigopsError(f"cannot be read: {error.strerror}", at=Location(str(path))) from None
