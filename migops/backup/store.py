"""The folder of the backups: what is in it, what is half done, what may go."""

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

from migops.backup import manifest as manifests
from migops.backup.manifest import Manifest
from migops.errors import Aborted, MigopsError
from migops.model import Location
from migops.safety.state import make_private_folder, open_private

FOLDER = "backups"
PARTIAL = ".partial"
SUFFIX = ".dump"


@dataclass(frozen=True, slots=True)
class Backup:
    """A dump and what is known of it. ``problem`` says why it does not count as verified, '' where it does."""

    path: Path
    manifest: Manifest | None
    problem: str = ""


def folder(state: Path) -> Path:
    """The folder of a project's backups in its state folder, made if need be, for its owner alone."""
    path = state / FOLDER
    try:
        make_private_folder(path)
    except OSError as error:
        raise Aborted(f"the folder of the backups cannot be made: {error.strerror}", at=Location(str(path))) from None
    return path


def backups(where: Path) -> list[Backup]:
    """All dumps of the folder, the newest first: by their manifest's time, those without one at the end."""
    found = [_look(path) for path in where.glob(f"*{SUFFIX}")]
    epoch = datetime.min.isoformat()
    return sorted(
        found,
        key=lambda each: (each.manifest.taken_at.isoformat() if each.manifest else epoch, each.path),
        reverse=True,
    )


def _look(path: Path) -> Backup:
    try:
        manifest = manifests.read(path)
    except MigopsError as error:
        return Backup(path, None, error.message)
    if manifest is None:
        return Backup(path, None, "it has no manifest, so nothing tells whether it is whole")
    size = path.stat().st_size
    if size != manifest.size:
        return Backup(path, manifest, f"it has {size} bytes, and had {manifest.size} when it was verified")
    return Backup(path, manifest)


def expired(found: Sequence[Backup], database: str, keep: int, days: float | None, now: datetime) -> list[Backup]:
    """Which verified backups of a database may go: those after the ``keep`` newest, and those older than ``days``.

    The newest one never does, and neither does a file that is not known to be ours.
    """
    ours = [each for each in found if each.manifest and not each.problem and each.manifest.database == database]
    ours.sort(key=lambda each: each.manifest.taken_at if each.manifest else now, reverse=True)
    oldest = now - timedelta(days=days) if days is not None else None
    return [
        each
        for place, each in enumerate(ours)
        if place and (place >= keep or (oldest and each.manifest and each.manifest.taken_at < oldest))
    ]


def remove(backup: Backup) -> None:
    """Remove a backup: the dump first, so that no dump is ever left without its manifest."""
    try:
        backup.path.unlink(missing_ok=True)
        manifests.beside(backup.path).unlink(missing_ok=True)
    except OSError as error:
        raise MigopsError(f"an old backup cannot be removed: {error.strerror}", at=Location(str(backup.path))) from None


def sweep(where: Path) -> list[Path]:
    """Remove what runs that are gone have left half done. One that goes on has a lock on its file."""
    swept = []
    for path in (*where.glob(f"*{SUFFIX}{PARTIAL}"), *where.glob(f"*{SUFFIX}{manifests.SUFFIX}{PARTIAL}")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            path.unlink(missing_ok=True)
            swept.append(path)
    for path in where.glob(f"*{SUFFIX}{manifests.SUFFIX}"):
        dump = path.with_name(path.name.removesuffix(manifests.SUFFIX))
        if not dump.exists() and not half(dump).exists():
            path.unlink(missing_ok=True)
            swept.append(path)
    return swept


def new_path(where: Path, database: str, now: datetime) -> Path:
    """The path of a dump that begins now; nothing has it yet."""
    base = f"{re.sub(r'[^A-Za-z0-9_.-]', '_', database).lstrip('.-') or 'database'}-{now:%Y%m%dT%H%M%SZ}"
    names = (f"{base}{number}{SUFFIX}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(where / name for name in names if not _taken(where / name))


def _taken(path: Path) -> bool:
    return any(each.exists() for each in (path, manifests.beside(path), half(path)))


@contextmanager
def partial(path: Path) -> Iterator[BinaryIO]:
    """The half-done file of a dump, for its owner alone, locked. It is removed unless ``accept`` has taken it."""
    descriptor = open_private(half(path), os.O_RDWR | os.O_CREAT | os.O_EXCL)
    with os.fdopen(descriptor, "w+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield file
        finally:
            half(path).unlink(missing_ok=True)


def half(path: Path) -> Path:
    """Where a dump lies until it is accepted."""
    return path.with_name(path.name + PARTIAL)


def accept(path: Path, manifest: Manifest) -> None:
    """Make the half-done file, which was verified, a backup: its manifest first, then it gets its name."""
    listed = manifests.beside(path)
    written = half(listed)
    try:
        with os.fdopen(open_private(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as file:
            json.dump(manifest.record(), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        written.replace(listed)
        half(path).replace(path)
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
    """Bytes that we may still write to the folder's disk."""
    found = os.statvfs(where)
    return found.f_bavail * found.f_frsize
