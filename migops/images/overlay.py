"""The layer folders of a local Docker Engine with the overlay2 driver: the layers' deltas without unpacking anything.

For root, ``/var/lib/docker`` contains for each layer the folder that overlayfs mounts: its entries unchanged, a
whiteout as a character device 0/0, an opaque folder marked by an extended attribute (kernel documentation,
``overlayfs.rst``). The engine's own tables beside them map each diff ID to its folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.core.model import Entry, EntryKind
from migops.images.layer import Budget, Delta, Wanted
from migops.images.tar import CHUNK

_FOREIGN = ("redirect", "metacopy")  # such entries refer to a lower layer; Docker never creates them
_DEPTH = 100  # nested folders; each keeps a file descriptor open
_SYS_ADMIN = 1 << 21  # the capability without which the kernel hides the attributes that mark opaque folders


class NotReadable(Exception):
    """The layer folders cannot be read from here; the message is the reason."""


@dataclass(frozen=True, slots=True)
class LayerFolders:
    """An image's configuration and the folders of its layers, lowest first."""

    config: Mapping[str, Any]
    folders: tuple[Path, ...]

    def scan(self, wanted: Wanted) -> list[Delta]:
        """Each layer's delta for the wanted paths; only these are read."""
        budget = Budget()
        try:
            return [_Folder(folder, wanted, budget).delta() for folder in self.folders]
        except OSError as error:
            raise NotReadable(f"{error.filename}: {error.strerror}") from error


def find(inspected: Mapping[str, Any]) -> LayerFolders:
    """The layer folders of an image, from the engine's inspection of it. Raises ``NotReadable``."""
    driver = inspected.get("GraphDriver") or {}
    upper = (driver.get("Data") or {}).get("UpperDir")
    if driver.get("Name") != "overlay2" or not upper:
        raise NotReadable(f"the engine's storage is {driver.get('Name') or 'the containerd image store'}, not overlay2")
    if not sees_all_attributes(Path("/proc/self")):
        raise NotReadable("this process has no permission to see overlayfs's attributes, which mark the opaque folders")
    root = Path(upper).parents[2]
    try:
        config = _configuration(root, str(inspected["Id"]))
        diff_ids: Sequence[str] = (config.get("rootfs") or {}).get("diff_ids") or ()
        folders = tuple(_folders(root, diff_ids))
    except OSError as error:
        raise NotReadable(f"{error.filename}: {error.strerror}") from error
    if str(folders[-1]) != str(Path(upper)):
        raise NotReadable(f"the engine's tables name another folder than {upper} for the image's last layer")
    return LayerFolders(config, folders)


def sees_all_attributes(process: Path) -> bool:
    """True if the process (a folder of ``/proc``) is privileged on the machine itself, not only in a namespace."""
    try:
        status = (process / "status").read_text()
        mapped = (process / "uid_map").read_text().split()
    except OSError:
        return False
    line = next((line for line in status.splitlines() if line.startswith("CapEff:")), "CapEff: 0")
    return bool(int(line.split()[1], 16) & _SYS_ADMIN) and mapped == ["0", "0", str(2**32 - 1)]


def _configuration(root: Path, image_id: str) -> Mapping[str, Any]:
    path = root / "image/overlay2/imagedb/content/sha256" / image_id.removeprefix("sha256:")
    text = path.read_bytes()
    if f"sha256:{hashlib.sha256(text).hexdigest()}" != image_id:
        raise NotReadable(f"{path} is not the image's configuration")
    config = json.loads(text)
    return config if isinstance(config, dict) else {}


def _folders(root: Path, diff_ids: Sequence[str]) -> Iterator[Path]:
    """The layers' folders, found by chain ID: the digest of all diff IDs up to a layer (OCI image spec)."""
    if not diff_ids:
        raise NotReadable("the image has no layers")
    chain = ""
    for diff_id in diff_ids:
        chain = diff_id if not chain else f"sha256:{hashlib.sha256(f'{chain} {diff_id}'.encode()).hexdigest()}"
        record = root / "image/overlay2/layerdb/sha256" / chain.removeprefix("sha256:")
        if (record / "diff").read_text().strip() != diff_id:
            raise NotReadable(f"{record} is not the record of {diff_id}")
        yield root / "overlay2" / (record / "cache-id").read_text().strip() / "diff"


class _Folder:
    """One layer's folder. Links in it are never followed: they are relative to the image's root, not to the host's."""

    def __init__(self, root: Path, wanted: Wanted, budget: Budget) -> None:
        self._root = root
        self._wanted = wanted
        self._budget = budget
        self._delta = Delta()

    def delta(self) -> Delta:
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._children("/", root)
        finally:
            os.close(root)
        return self._delta

    def _children(self, path: str, folder: int) -> None:
        """Read the wanted children of a folder: all of them, or the names that lead to wanted paths."""
        for name in self._names(path, folder):
            child = f"/{name}" if path == "/" else f"{path}/{name}"
            try:
                state = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            self._budget.entry()
            self._take(child, name, state, folder)

    def _names(self, path: str, folder: int) -> Sequence[str]:
        return os.listdir(folder) if self._wanted.has(path) else sorted(self._wanted.next_names(path))

    def _take(self, path: str, name: str, state: os.stat_result, folder: int) -> None:
        if stat.S_ISCHR(state.st_mode) and state.st_rdev == 0:
            self._delta.whiteouts.add(path)
            return
        kind, target, digest, size = EntryKind.OTHER, "", "", 0
        if stat.S_ISLNK(state.st_mode):
            kind, target = EntryKind.SYMLINK, os.readlink(name, dir_fd=folder)
        elif stat.S_ISREG(state.st_mode):
            kind, size = EntryKind.FILE, state.st_size
            digest = self._digest(path, name, folder)
        elif stat.S_ISDIR(state.st_mode):
            kind = EntryKind.DIRECTORY
        self._delta.entries[path] = Entry(
            path, kind, size, stat.S_IMODE(state.st_mode), state.st_mtime, state.st_uid, state.st_gid, target, digest
        )
        if kind is EntryKind.DIRECTORY:
            self._enter(path, name, folder)

    def _enter(self, path: str, name: str, folder: int) -> None:
        if path.count("/") > _DEPTH:
            raise NotReadable(f"{path} is more than {_DEPTH} folders deep")
        child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            self._attributes(path, child)
            self._children(path, child)
        finally:
            os.close(child)

    def _digest(self, path: str, name: str, folder: int) -> str:
        if not self._wanted.has(path):
            return ""
        digest = hashlib.sha256()
        with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb", buffering=0) as file:
            self._attributes(path, file.fileno())
            while part := file.read(CHUNK):
                digest.update(part)
        return digest.hexdigest()

    def _attributes(self, path: str, descriptor: int) -> None:
        """Record an opaque folder. Raises ``NotReadable`` if overlayfs keeps part of an entry elsewhere."""
        for attribute in os.listxattr(descriptor):
            prefix, _, name = attribute.rpartition(".")
            if prefix not in ("trusted.overlay", "user.overlay"):
                continue
            if name == "opaque" and os.getxattr(descriptor, attribute) == b"y":
                self._delta.opaque.add(path)
            elif name in _FOREIGN:
                raise NotReadable(f"{self._root}{path} has the overlayfs attribute {attribute}")
