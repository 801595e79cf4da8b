"""A new revision file that was made in a container belongs on the host, in its versions folder, for its owner."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from migops.commands import rescue
from migops.commands.rescue import Copy, place_of
from migops.core.model import EntryKind, MigrationFile, MigrationSet
from migops.docker import Engine
from migops.docker.containers import inspect
from migops.images.daemon import read_container
from migops.sources.mounts import at_or_below

_SLACK = 2.0  # seconds by which a file may look older than the container that wrote it


@dataclass(frozen=True, slots=True)
class ExportedScript:
    """A new file: where it is on the host now, or (``exists_already``) whose place there another one has."""

    made: str
    container: str
    to: Path
    exists_already: bool = False
    owner: tuple[int, int] | None = None  # whom it should belong to, where we may not see to that


def from_container(made: Sequence[MigrationFile], container: str, host: MigrationSet) -> Iterator[ExportedScript]:
    """Copy each new file out, whole or not at all. Nothing on the host is replaced."""
    for file in made:
        to = place_of(host, file.name)
        exists_already = os.path.lexists(to)
        if not exists_already:
            rescue.write(Copy(file, "", container, to))
        yield ExportedScript(file.path, container, to, exists_already)


def from_mount(before: MigrationSet, after: MigrationSet) -> Iterator[ExportedScript]:
    """What a container wrote straight to the host, through a bind mount; given to the owner of its folder."""
    for name in sorted(after.scripts.keys() - before.scripts.keys()):
        path = Path(after.scripts[name].path)
        folder, file = path.parent.stat(), path.stat()
        owner = (folder.st_uid, folder.st_gid)
        if (file.st_uid, file.st_gid) != owner and os.geteuid() == 0:
            os.chown(path, *owner)
        elif file.st_uid != owner[0]:
            yield ExportedScript(str(path), "", path, owner=owner)
            continue
        yield ExportedScript(str(path), "", path)


def made_in_one_off(engine: Engine, container: str, image: MigrationSet) -> list[MigrationFile]:
    """The scripts that a one-off container which has ended has written: what its image lacks and is not older than it.

    The time matters where a volume lies over the folder: it may hold scripts of its own, and they are not new.
    """
    inspected = inspect(engine, container) or {}
    began = _timestamp(str((inspected.get("State") or {}).get("StartedAt") or ""))
    known = {script.path for script in image.scripts.values()}
    made = []
    for folder in image.location:
        tree = read_container(engine, container, [folder], lambda path: path.endswith(".py"))
        for path, entry in sorted(tree.items()):
            is_script = entry.kind is EntryKind.FILE and path.endswith(".py") and path not in known
            if is_script and entry.mtime >= began - _SLACK:
                name = posixpath.join(posixpath.basename(folder), posixpath.relpath(path, folder))
                made.append(MigrationFile(name, path, entry.sha256, entry.size, content=entry.content or b""))
    return made


def made_in_running(before: MigrationSet, after: MigrationSet | None) -> list[MigrationFile]:
    """The scripts that a container which runs on has now and had not before."""
    return [after.scripts[name] for name in sorted(after.scripts.keys() - before.scripts.keys())] if after else []


def is_bound(engine: Engine, container: str, folders: Sequence[str]) -> bool:
    """Whether the folders of the container are the engine's host's own, through bind mounts."""
    mounts = (inspect(engine, container) or {}).get("Mounts") or ()

    def cover(path: str) -> Mapping[str, object]:
        over = [mount for mount in mounts if at_or_below(path, str(mount["Destination"]))]
        return max(over, key=lambda mount: len(str(mount["Destination"])), default={})

    return bool(folders) and all(cover(folder).get("Type") == "bind" for folder in folders)


def _timestamp(text: str) -> float:
    """Seconds since the epoch; the engine writes nanoseconds, which Python 3.10 does not read."""
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp() if len(text) >= 19 else 0.0
