"""One run at a time on this host: ``flock`` on a file of the state folder. It ends when the process does, anyhow."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from migops.core.errors import Aborted, Locked
from migops.core.model import Location
from migops.core.printed import here
from migops.state.process import Who, known, ourselves

NAME = "lock"
_LOOKED_AT = 0.5  # seconds: `migops log` holds the file for a moment, to see who has it
_AGAIN = 0.05


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the lock, what for, and since when (ISO 8601, UTC). It only names the owner: the kernel has the lock."""

    who: Who
    what: str
    since: str

    def __str__(self) -> str:
        return f"`{self.what}` by {self.who}, since {self.since}"


@contextmanager
def host_lock(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock of the state folder for the ``with``; ``what`` is the command, for whoever finds it locked.

    Raises ``Locked`` naming the holder where another process has it. No lock expires by date.
    """
    path = folder / NAME
    descriptor = _taken(path)
    try:
        _write(descriptor, Holder(ourselves(), what, datetime.now(timezone.utc).isoformat(timespec="seconds")))
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _taken(path: Path) -> int:
    """The file, open and locked. A lock on a file that was removed meanwhile would keep nobody away."""
    until = time.monotonic() + _LOOKED_AT
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(descriptor, path):
                return descriptor
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(descriptor)
                raise _held(read(path)) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(_AGAIN)


def _open(path: Path) -> int:
    """The lock's file. A link is not followed: what it leads to is not ours to write."""
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
    """Whether the path still leads to the open file."""
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
    """Who has the lock now; None where nobody has."""
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # there is none, or it is none
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read(path)
    finally:
        os.close(descriptor)
    return None


def read(path: Path) -> Holder | None:
    """What the last holder has written, None where that is nothing (yet)."""
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
