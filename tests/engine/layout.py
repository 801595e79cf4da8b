"""Where things lie: a cache that may be kept for ever, and a run folder that dies with the machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache() -> Path:
    """The cache of all engines, `${XDG_CACHE_HOME:-~/.cache}/migops-tests`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "migops-tests"


def run() -> Path:
    """Sockets and pid files. Outside the cache because a socket's path may have 107 bytes only; one folder a cache."""
    digest = hashlib.sha256(os.fsencode(cache())).hexdigest()[:8]
    return Path("/run") / f"migops-tests-{digest}"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine-wide lock *name*: two processes that want the same engine make it once."""
    folder = cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the kernel however this process ends
        yield


def made(path: Path, make: Callable[[Path], None]) -> Path:
    """Return *path*, a file or folder, after `make(temporary)` if it is not there yet.

    It appears by one rename, so a half-finished download or debootstrap is never taken for a whole one.
    Call it under `locked`.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            make(scratch / "new")
            (scratch / "new").rename(path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return path
