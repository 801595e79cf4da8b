"""The backup folder: finished backups, incomplete ones, and retention."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from migops.commands.backup import identity as identities
from migops.commands.backup import manifest as manifests
from migops.commands.backup.identity import Identity, is_same
from migops.commands.backup.manifest import Manifest
from migops.core.errors import Aborted, MigopsError
from migops.core.model import Location
from migops.state.state_folder import make_private_folder, open_private

FOLDER = "backups"
PARTIAL = ".partial"
SUFFIX = ".dump"


@dataclass(frozen=True, slots=True)
class Backup:
    """A dump with its manifest."""

    path: Path
    manifest: Manifest | None
    problem: str = ""
    """The reason why it does not count as verified; empty if it does."""


def folder(state: Path) -> Path:
    """The backup folder in a project's state folder, created if missing, with access for its owner only.

    ``Aborted`` if it cannot be created.
    """
    path = state / FOLDER
    try:
        make_private_folder(path)
    except OSError as error:
        raise Aborted(f"the backup folder cannot be created: {error.strerror}", at=Location(str(path))) from None
    return path


def backups(where: Path) -> list[Backup]:
    """All dumps of the folder, newest first by the manifest's time; those without a manifest at the end."""
    dumps = [_look(path) for path in where.glob(f"*{SUFFIX}")]
    return sorted(dumps, key=_age, reverse=True)


def _age(backup: Backup) -> tuple[float, int, Path]:
    """The order of backups by time. Of two of the same second, the later one has the longer name (``-2``)."""
    seconds = backup.manifest.taken_at.timestamp() if backup.manifest else 0.0
    return seconds, len(backup.path.name), backup.path


def _look(path: Path) -> Backup:
    try:
        manifest = manifests.read(path)
    except MigopsError as error:
        return Backup(path, None, error.message)
    if manifest is None:
        return Backup(path, None, "it has no manifest, so whether it is complete is unknown")
    size = path.stat().st_size
    if size != manifest.size:
        return Backup(path, manifest, f"it has {size} bytes, but had {manifest.size} when it was verified")
    return Backup(path, manifest)


def expired(found: Sequence[Backup], identity: Identity, keep: int, days: float | None, now: datetime) -> list[Backup]:
    """The verified backups of this database to delete: those after the ``keep`` newest, and those older than ``days``.

    The newest one is always kept, and so is every backup that is not known to be of the same database and server.
    """
    ours = [each for each in found if each.manifest and not each.problem and is_same(each.manifest.identity, identity)]
    ours.sort(key=_age, reverse=True)
    oldest = now - timedelta(days=days) if days is not None else None
    return [
        each
        for place, each in enumerate(ours)
        if place and (place >= keep or (oldest and each.manifest and each.manifest.taken_at < oldest))
    ]


def remove(backup: Backup) -> None:
    """Delete a backup: the dump first, so that no dump is ever without its manifest. MigopsError if that fails."""
    try:
        backup.path.unlink(missing_ok=True)
        manifests.beside(backup.path).unlink(missing_ok=True)
    except OSError as error:
        raise MigopsError(f"an old backup cannot be deleted: {error.strerror}", at=Location(str(backup.path))) from None


def sweep(where: Path, identity: Identity) -> list[Path]:
    """Delete incomplete files of killed runs for this database; return them. Running dumps have locked theirs.

    Files of another or an unknown database are kept: they may be the last copy of a server that no longer exists.
    """
    halves = where.glob(f"*.{identity.mark}{SUFFIX}{PARTIAL}")
    swept = [path for path in halves if not _is_being_written(path)]
    for listed in (*where.glob(f"*{SUFFIX}{manifests.SUFFIX}"), *where.glob(f"*{SUFFIX}{manifests.SUFFIX}{PARTIAL}")):
        dump = listed.with_name(listed.name.removesuffix(PARTIAL).removesuffix(manifests.SUFFIX))
        is_left = not dump.exists() and not _is_being_written(half(dump, identity))
        if is_left and _owner(listed) == identity:
            swept.append(listed)
    for path in swept:
        path.unlink(missing_ok=True)
    return swept


def _owner(listed: Path) -> Identity | None:
    """The identity in a manifest; None if it has none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return identities.parse(json.loads(listed.read_bytes())["identity"])
    return None


def _is_being_written(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def new_path(where: Path, database: str, now: datetime) -> Path:
    """An unused path for a dump that begins now."""
    base = f"{re.sub(r'[^A-Za-z0-9_.-]', '_', database).lstrip('.-') or 'database'}-{now:%Y%m%dT%H%M%SZ}"
    names = (f"{base}{number}{SUFFIX}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(where / name for name in names if not _exists(where / name))


def _exists(path: Path) -> bool:
    halves = path.parent.glob(f"{path.name.removesuffix(SUFFIX)}.*{SUFFIX}{PARTIAL}")
    return path.exists() or manifests.beside(path).exists() or any(halves)


@contextmanager
def partial(path: Path, identity: Identity) -> Iterator[BinaryIO]:
    """The incomplete file of a dump, locked, with access for its owner only; deleted unless ``accept`` renames it."""
    there = half(path, identity)
    descriptor = open_private(there, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    with os.fdopen(descriptor, "w+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield file
        finally:
            there.unlink(missing_ok=True)


def half(path: Path, identity: Identity) -> Path:
    """The path of a dump of this database until it is accepted; the name contains the identity's digest."""
    return path.with_name(f"{path.name.removesuffix(SUFFIX)}.{identity.mark}{SUFFIX}{PARTIAL}")


def accept(path: Path, manifest: Manifest, identity: Identity) -> None:
    """Turn the verified incomplete file into a backup: write its manifest first, then rename it."""
    listed = manifests.beside(path)
    written = listed.with_name(listed.name + PARTIAL)
    try:
        with os.fdopen(open_private(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as file:
            json.dump(manifest.record(), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        written.replace(listed)
        half(path, identity).replace(path)
    except BaseException:
        if not path.exists():
            for each in (written, listed):
                each.unlink(missing_ok=True)
        raise
    with suppress(OSError):
        _sync(path.parent)


def _sync(where: Path) -> None:
    descriptor = os.open(where, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free(where: Path) -> int:
    """Free bytes on the folder's disk for this user."""
    disk = os.statvfs(where)
    return disk.f_bavail * disk.f_frsize
