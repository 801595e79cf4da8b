"""One run at a time per compose project on an engine, whichever host, user or state folder starts it.

The lock is a container that never runs, under a fixed name, because names are unique on an engine. It belongs to the
project, not to one database: any two runs of a project could stop each other's services or move an image's name back
and forth. Two projects that share a database are excluded by the lock inside PostgreSQL.
"""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.errors import Locked, Unavailable
from migops.core.printed import here
from migops.docker import Engine, execs, placeholder
from migops.docker.containers import inspect
from migops.state import owner, stale_locks
from migops.state.lock import host_lock
from migops.state.owner import Owner
from migops.state.signals import unhurried

LABEL = "migops.lock"
"""Label of the container, with its owner's record, and of the empty image that it is created from."""
_TRIES = 10  # attempts: between two requests a lock may be released, or an image pruned
_AGAIN = 0.1
_LAST = 5.0  # seconds for an engine that did not answer before to remove the lock


class LockLost(Unavailable):
    """The lock's container is gone or was replaced, so other runs are no longer locked out."""


@dataclass(frozen=True, slots=True)
class LockState:
    """The lock's current state on the engine."""

    id: str  # of the container
    owner: Owner
    is_ours: bool = True  # migops created it


@dataclass(slots=True)
class EngineLock:
    """The lock, held by this run."""

    engine: Engine
    project: str
    owner: Owner
    release_by: tuple[str, ...]
    id: str = ""  # of the container
    took_over: bool = False  # the last owner was gone without releasing the lock
    unasked: bool = False  # the database server has not yet been asked if it still works for the last owner
    unchecked: tuple[Path, ...] = field(default=())
    """Other state folders than ours of such owners; it is never removed before the server was asked about them."""
    taken_from: tuple[Path, ...] = field(default=())  # the same folders, also after the server was asked

    def check(self) -> None:
        """Verify before a change that the lock is still ours. Raises ``LockLost`` if it is not."""
        current = look(self.engine, self.project)
        if current is not None and current.id == self.id:
            return
        how = f"{current.owner} holds it now" if current else "its container was removed (docker container prune?)"
        raise LockLost(
            f"lost the lock of {self.project} on the engine: {how}",
            hint=f"do not remove the container {name_of(self.project)} while migops runs",
        )

    def take(self) -> None:
        """Take the lock, or take it over from a run that is certainly gone. Raises ``Locked`` naming its owner."""
        for number in range(_TRIES):
            time.sleep(_AGAIN * bool(number))
            if (current := look(self.engine, self.project)) is not None:
                self._take_away(current)
            if self._created():
                return
        raise Locked(f"the lock of {self.project} on the engine keeps being taken and released: try again later")

    def release(self) -> None:
        """Release the lock, unless it is no longer ours, or may still be needed."""
        if self.engine.http.hangs:  # do not wait for it again
            self.engine.http.timeout = min(self.engine.http.timeout, _LAST)
        with unhurried(), suppress(Unavailable):  # an unreachable engine keeps it; the next run reads its owner
            current = look(self.engine, self.project)
            if current is not None and current.owner.token == self.owner.token and not self.unchecked:
                execs.remove(self.engine, current.id)
            placeholder.remove_unused(self.engine, LABEL)

    def checked(self) -> None:
        """Record that the server no longer works for the owners that the lock was taken over from."""
        self.unasked, self.unchecked = False, ()

    def _created(self) -> bool:
        image = placeholder.import_empty(self.engine, LABEL)
        labels = {LABEL: self.owner.record()}
        self.id, _ = placeholder.create(self.engine, name_of(self.project), image, labels)
        return bool(self.id)

    def _take_away(self, lock: LockState) -> None:
        if not lock.is_ours:
            name = name_of(self.project)
            raise Locked(
                f"the lock's name, {name}, belongs to a container that is not from migops, so migops cannot lock",
                hint=f"see what it is (docker inspect {name}), and rename it: docker rename {name} NAME",
            )
        before = stale_locks.folders(self.engine, self.project, lock.owner, Path(self.owner.folder))
        if isinstance(before, str):
            raise held(self.project, lock, before, self.release_by)
        self.took_over = self.unasked = True
        new = [each for each in before if each != Path(self.owner.folder)]
        self.unchecked = tuple(dict.fromkeys((*self.unchecked, *new)))
        self.taken_from = tuple(dict.fromkeys((*self.taken_from, *new)))
        after = tuple(map(str, self.unchecked))
        self.owner = owner.now(self.owner.command, self.owner.folder, after, self.owner.token)
        execs.remove(self.engine, lock.id)


@contextmanager
def run_lock(
    engine: Engine, folder: Path, project: str, command: str, release_by: Sequence[str]
) -> Iterator[EngineLock]:
    """Hold the lock of the state folder and that of the engine during the ``with``.

    ``command`` names this run for other runs; ``release_by`` is the user's command to release a lock that this machine
    cannot prove to be unneeded. Raises ``Locked`` naming the owner.
    """
    with host_lock(folder, command), engine_lock(engine, folder, project, command, release_by) as lock:
        yield lock


@contextmanager
def engine_lock(
    engine: Engine, folder: Path, project: str, command: str, release_by: Sequence[str]
) -> Iterator[EngineLock]:
    """Hold the engine's lock alone, for a caller that holds the state folder's."""
    who = owner.now(command, str(folder), token=secrets.token_hex(8))
    lock = EngineLock(engine, project, who, tuple(release_by))
    try:
        lock.take()
        yield lock
    finally:
        lock.release()


def name_of(project: str) -> str:
    """The name of the project's lock container."""
    return f"migops-{re.sub(r'[^A-Za-z0-9_.-]', '-', project).lstrip('.') or 'unnamed'}-lock"


def look(engine: Engine, project: str) -> LockState | None:
    """The lock's current state; None if it is free. Only reads."""
    inspected = inspect(engine, name_of(project))
    if inspected is None:
        return None
    labels = (inspected.get("Config") or {}).get("Labels") or {}
    return LockState(str(inspected["Id"]), owner.read(labels.get(LABEL, "")), LABEL in labels)


def remove(engine: Engine, lock: LockState) -> None:
    """Remove the lock of a gone owner. The caller guarantees that it is no longer needed."""
    with unhurried():
        execs.remove(engine, lock.id)
        placeholder.remove_unused(engine, LABEL)


def held(project: str, lock: LockState, why: str, release_by: Sequence[str]) -> Locked:
    """The error for a lock that another run holds, with ``why`` it cannot be taken over."""
    pid = lock.owner.who.pid
    if why == stale_locks.LIVES:
        hint = f"wait until it has ended (ps -p {pid}); `{shlex.join(here().log())}` shows what it is doing"
    else:
        hint = f"{why}. Make sure that it and its migration have ended, then release its lock: {shlex.join(release_by)}"
    return Locked(f"another run has the lock of {project} on the engine: {lock.owner}", hint=hint)
