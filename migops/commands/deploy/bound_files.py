"""Files of the host that old containers have mounted: no way back can bring an earlier content of them back."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from migops.docker.containers import name_of

_LARGE = 16 << 20  # bytes; more than any secret, and no wait for a database that lies in one file


@dataclass(frozen=True, slots=True)
class BoundFile:
    """A file (a secret, a config, a bind mount) that lies at ``target`` in a container. ``digest`` is of what the file
    holds now, '' where it cannot be read. ``changed`` says how it is known that the container started with another
    one, '' where nothing says so."""

    container: str
    source: str
    target: str
    digest: str = ""
    changed: str = ""

    def __str__(self) -> str:
        return f"{self.source} ({self.target} in {self.container}) {self.changed}"


def of(inspected: Mapping[str, Any]) -> tuple[list[BoundFile], list[str]]:
    """The container's files, and the folders that it has mounted: what these hold is not looked at."""
    files, folders = list[BoundFile](), list[str]()
    name = name_of(inspected)
    for mount in inspected.get("Mounts") or ():
        if mount["Type"] != "bind":
            continue
        source = Path(str(mount["Source"]))
        kind = _kind(source)
        if kind == "folder":
            folders.append(str(source))
        elif kind != "other":
            said = _changed(source, str((inspected.get("State") or {}).get("StartedAt") or "")) if kind else "is gone"
            files.append(BoundFile(name, str(source), str(mount["Destination"]), digest(source), said))
    return files, folders


def since(files: Iterable[BoundFile]) -> Iterator[BoundFile]:
    """Those of the files that hold something else than when they were read."""
    for each in files:
        if digest(Path(each.source)) != each.digest:
            yield BoundFile(each.container, each.source, each.target, each.digest, "was changed during this deploy")


def digest(path: Path) -> str:
    """What tells the file's content from another: SHA-256, of a large file its size and time; '' for unreadable."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_size > _LARGE:
                return f"{found.st_size} bytes at {found.st_ctime_ns}"
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def _kind(path: Path) -> str:
    """``file``, ``folder``, ``other`` (a socket, a device, or not to be looked at); '' where nothing is there."""
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return "other"
    except OSError:
        return ""
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def _changed(path: Path, started: str) -> str:
    """When the file, or a link on the way to it, was changed after the container started: content, mode or owner.

    That is by the inode's change time, which copies and moves do not keep, unlike the modification time.
    """
    began = _seconds(started)
    links = [each for each in (*reversed(path.parents), path) if each.is_symlink()]
    last = max((path.stat().st_ctime, *(each.lstat().st_ctime for each in links)))
    if last <= began:
        return ""
    when = datetime.fromtimestamp(last, timezone.utc)
    return f"was changed (content, owner or mode) at {when:%Y-%m-%d %H:%M:%S} UTC, after the container started"


def _seconds(started: str) -> float:
    """The engine's time, which has nanoseconds, as seconds since the epoch."""
    whole, _, rest = started.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return moment.timestamp() + float(f"0.{rest}" if rest.isdecimal() else 0)
