"""The application, as one-off containers of it run beside the throwaway server."""

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
from migops.sources.container_files import at_or_below

if TYPE_CHECKING:
    from migops.compose import Mount, Project, Service

_SECRETS = "/run/secrets"


@dataclass(frozen=True, slots=True)
class App:
    """What one-off containers are made of.

    ``image`` is an image's ID. ``working_dir`` is the folder that they start in, '' for the image's own. ``mounts``
    are the service's where they lie over its code, read-only, as the Engine API takes them. ``files`` are its secrets
    and configs by their paths. ``keeps_entrypoint``: the words that are run come after the entrypoint, which is
    ``entrypoint`` or (None) the image's own.
    """

    image: str
    environment: Mapping[str, str] = field(repr=False)
    user: str = ""
    working_dir: str = ""
    mounts: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    entrypoint: tuple[str, ...] | None = None
    keeps_entrypoint: bool = False


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
    """The service's one-off containers, of the image with that ID.

    ``code`` are the folders that Alembic reads. Of the service's mounts only those are taken that lie over these, or
    in the working directory, and none that the live server has as well: it could bring its socket. Raises MigopsError
    where the code cannot be had without that.
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
                "VolumeOptions": {"NoCopy": True},  # else an empty one would be filled from the image
            }  # fmt: skip


def _leads_to(live: Live, mount: Mount) -> bool:
    """Whether a bind mount is one of the live server's as well, or a socket: one can be used though it is read-only."""
    source = os.path.realpath(mount.source)
    sockets = [os.path.realpath(each) for each in live.sockets]
    if source in map(os.path.realpath, live.binds.values()) or Path(source).is_socket():
        return True
    if any(at_or_below(source, each) for each in sockets):
        return True
    if above := next((each for each in sockets if at_or_below(each, source)), ""):
        raise MigopsError(
            f"{mount.source} is mounted at {mount.target}, and {live.container} has its socket below it, in {above}:"
            " an env.py that uses it could not be kept from the live database",
            at=mount.location, hint="move the socket's folder out of the one with the code",
        )  # fmt: skip
    return False


def _files(project: Project, service: Service) -> Iterator[tuple[str, bytes]]:
    """Secrets and configs: their text, wherever compose would take it from."""
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
