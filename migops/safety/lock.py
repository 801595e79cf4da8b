"""One run at a time on this host: ``flock`` on a file of the state folder. It ends when the process does, anyhow."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from migops.errors import Aborted, Locked
from migops.model import Location
from migops.safety.process import Who, known, ourselves

NAME = "lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the lock, what for, and since when (ISO 8601, UTC)."""

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
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Aborted(f"the lock cannot be opened: {error.strerror}", at=Location(str(path))) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = read(path)
            raise Locked(
                f"another run has the lock of this project: {who or 'it has not said yet which'}",
                hint=f"wait until it has ended (ps -p {who.who.pid}); migops log shows what it does" if who else
                "migops log shows what it does",
            ) from None  # fmt: skip
        _write(descriptor, Holder(ourselves(), what, datetime.now(timezone.utc).isoformat(timespec="seconds")))
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(folder: Path) -> Holder | None:
    """Who has the lock now; None where nobody has."""
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
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
    return Holder(known(record), str(record.get("what")), str(record.get("since")))


def _write(descriptor: int, holder: Holder) -> None:
    text = json.dumps({**holder.who.record(), "what": holder.what, "since": holder.since})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
