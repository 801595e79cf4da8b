"""One run at a time on this host: ``flock`` on a file of the state folder. The kernel releases it with the process."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from migops.core.errors import Aborted, Locked
from migops.core.model import Location
from migops.core.printed import here
from migops.core.wait import until
from migops.state.process import Who, known, ourselves

NAME = "lock"
_LOOKED_AT = 0.5  # seconds: `migops log` locks the file for a moment to check it
_AGAIN = 0.05


@dataclass(frozen=True, slots=True)
class Holder:
    """The lock's owner, its command and start (ISO 8601, UTC). Informational: the kernel holds the lock itself."""

    who: Who
    what: str
    since: str

    def __str__(self) -> str:
        return f"`{self.what}` by {self.who}, since {self.since}"


@contextmanager
def host_lock(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock of the state folder during the ``with``; ``what`` is the command, shown to other runs.

    Raises ``Locked`` naming the holder if another process has it. A lock never expires.
    """
    path = folder / NAME
    descriptor = _locked_file(path)
    try:
        _write(descriptor, Holder(ourselves(), what, datetime.now(timezone.utc).isoformat(timespec="seconds")))
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _locked_file(path: Path) -> int:
    """The file, open and locked. Raises ``Locked`` if another process has the lock."""
    descriptor = until(lambda: _try(path), lambda locked: locked is not None, seconds=_LOOKED_AT, pause=_AGAIN)
    if descriptor is None:
        raise _held(read(path))
    return descriptor


def _try(path: Path) -> int | None:
    """The file, open and locked; None if another process has the lock, or the file was replaced meanwhile.

    A lock on a replaced file would exclude nobody.
    """
    descriptor, locked = _open(path), False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = _is(descriptor, path)
    except BlockingIOError:
        pass
    finally:
        if not locked:
            os.close(descriptor)
    return descriptor if locked else None


def _open(path: Path) -> int:
    """Open the lock's file. A link is not followed: its target is not ours to write."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        why = "it is a symbolic link" if path.is_symlink() else error.strerror
        raise Aborted(f"cannot open the lock file: {why}", at=Location(str(path))) from None
    there = os.fstat(descriptor)
    if not stat.S_ISREG(there.st_mode) or there.st_nlink > 1:
        os.close(descriptor)
        raise Aborted("the lock file is not a plain file, so it was not written", at=Location(str(path)))
    return descriptor


def _is(descriptor: int, path: Path) -> bool:
    """True if the path still refers to the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))  # noqa: PTH116
    except FileNotFoundError:
        return False


def _held(holder: Holder | None) -> Locked:
    hint = f"`{shlex.join(here().log())}` shows what it is doing"
    return Locked(
        f"another run has the lock of this project: {holder or 'not recorded yet'}",
        hint=f"wait until it has ended (ps -p {holder.who.pid}); {hint}" if holder else hint,
    )


def holder(folder: Path) -> Holder | None:
    """The current holder; None if the lock is free."""
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # missing, or not a regular file
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read(path)
    finally:
        os.close(descriptor)
    return None


def read(path: Path) -> Holder | None:
    """The last holder's record; None if there is none (yet)."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return (
        Holder(known(record), str(record.get("what")), str(record.get("since"))) if isinstance(record, dict) else None
    )


def _write(descriptor: int, holder: Holder) -> None:
    text = json.dumps({**holder.who.record(), "what": holder.what, "since": holder.since})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
