"""The mounts of a container, and what of an image they hide."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migops.core.model import Entry, EntryKind, Tree

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount of a container."""

    type: str  # bind, volume or tmpfs, as in Docker
    source: str  # the folder on the engine's host, or the volume's name
    target: str

    @property
    def is_anonymous(self) -> bool:
        """True for a volume without a name of its own: the engine generates 64 hexadecimal digits."""
        return self.type == "volume" and bool(_ANONYMOUS.fullmatch(self.source))


def mounts_of(inspected: Mapping[str, Any]) -> tuple[Mount, ...]:
    """The mounts of an inspected container, sorted by target."""
    mounts = {
        str(item["Destination"]).rstrip("/") or "/": Mount(
            str(item.get("Type") or "volume"),
            str((item.get("Name") if item.get("Type") == "volume" else item.get("Source")) or ""),
            str(item["Destination"]).rstrip("/") or "/",
        )
        for item in inspected.get("Mounts") or ()
    }
    host = inspected.get("HostConfig") or {}
    asked = [str(item.get("Target")) for item in host.get("Mounts") or () if item.get("Type") == "tmpfs"]
    for target in (*(host.get("Tmpfs") or ()), *asked):
        mounts.setdefault(target.rstrip("/") or "/", Mount("tmpfs", "", target.rstrip("/") or "/"))
    return tuple(mounts[target] for target in sorted(mounts))


def without_memory(tree: Tree, paths: Sequence[str], mounts: Sequence[Mount]) -> Tree:
    """The tree as seen in a container: a tmpfs starts as an empty folder, whatever the image has below it.

    Files that the container has written there are in memory only; the engine does not show them.
    """
    memory = [each.target for each in mounts if each.type == "tmpfs" and any(near(each.target, path) for path in paths)]
    if not memory:
        return tree

    def is_hidden(path: str) -> bool:
        over = [mount for mount in mounts if at_or_below(path, mount.target)]
        return max(over, key=lambda mount: len(mount.target)).type == "tmpfs" if over else False

    shown = {path: entry for path, entry in tree.items() if not is_hidden(path)}
    for target in memory:
        if covered(target, paths):
            shown[target] = Entry(target, EntryKind.DIRECTORY, mode=0o1777)
    return shown


def at_or_below(path: str, folder: str) -> bool:
    """True if ``path`` equals ``folder`` or is below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def covered(path: str, targets: Sequence[str]) -> bool:
    return any(at_or_below(path, target) for target in targets)


def near(target: str, path: str) -> bool:
    """True if a mount at ``target`` affects ``path`` or anything below it."""
    return at_or_below(path, target) or at_or_below(target, path)
