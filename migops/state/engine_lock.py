"""One run at a time on a compose project's engine, from whichever host, user or state folder it is started.

The lock is a container that never runs, under a fixed name: the engine gives a name once. It is the project's, not one
database's: any two runs of a project may stop each other's services or give one image's name to and fro. Two projects
that share a database meet at the lock inside of PostgreSQL.
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
"""On the container, with its owner's record; and on the empty image that it is made from."""
_TRIES = 10  # attempts: between two answers of the engine a lock may be released, or an image pruned
_AGAIN = 0.1
_LAST = 5.0  # seconds that an engine which did not answer before is given to take the lock away


class LockLost(Unavailable):
    """The lock's container is gone, or another one: nobody else is kept away any more."""


@dataclass(frozen=True, slots=True)
class Found:
    """The lock as the engine has it now: its container's ID and its owner. ``is_ours`` that migops made it."""

    id: str
    owner: Owner
    is_ours: bool = True


@dataclass(slots=True)
class EngineLock:
    """The lock, held. ``id`` is its container's.

    ``took_over`` tells that its last owner had gone without releasing it, ``unasked`` that the database server was not
    asked since whether it still works for that one. ``unchecked`` are other state folders than ours of such owners:
    until then, the lock is never removed. ``taken_from`` are the same folders, also when that was found out.
    """

    engine: Engine
    project: str
    owner: Owner
    release_by: tuple[str, ...]
    id: str = ""
    took_over: bool = False
    unasked: bool = False
    unchecked: tuple[Path, ...] = field(default=())
    taken_from: tuple[Path, ...] = field(default=())

    def check(self) -> None:
        """See that the lock is still ours, before anything is changed. Raises ``LockLost`` where it is not."""
        found = look(self.engine, self.project)
        if found is not None and found.id == self.id:
            return
        how = f"{found.owner} holds it now" if found else "its container was removed (docker container prune?)"
        raise LockLost(
            f"lost the lock of {self.project} on the engine: {how}",
            hint=f"do not remove the container {name_of(self.project)} while migops runs",
        )

    def take(self) -> None:
        """Take it, or take it over from a run that has certainly gone. Raises ``Locked`` naming who has it."""
        for number in range(_TRIES):
            time.sleep(_AGAIN * bool(number))
            if (found := look(self.engine, self.project)) is not None:
                self._take_away(found)
            if self._created():
                return
        raise Locked(f"the lock of {self.project} on the engine keeps being taken and released: try again later")

    def release(self) -> None:
        """Give it back. One that is no longer ours, or may still be needed, is left alone."""
        if self.engine.http.hangs:  # nobody wants to wait for it once more
            self.engine.http.timeout = min(self.engine.http.timeout, _LAST)
        with unhurried(), suppress(Unavailable):  # an engine that has gone keeps it, and the next run sees whose it was
            found = look(self.engine, self.project)
            if found is not None and found.owner.token == self.owner.token and not self.unchecked:
                execs.remove(self.engine, found.id)
            placeholder.remove_unused(self.engine, LABEL)

    def checked(self) -> None:
        """Nothing goes on any more for the owners that it was taken over from."""
        self.unasked, self.unchecked = False, ()

    def _created(self) -> bool:
        image = placeholder.import_empty(self.engine, LABEL)
        labels = {LABEL: self.owner.record()}
        self.id, _ = placeholder.create(self.engine, name_of(self.project), image, labels)
        return bool(self.id)

    def _take_away(self, found: Found) -> None:
        if not found.is_ours:
            name = name_of(self.project)
            raise Locked(
                f"the lock's name, {name}, belongs to a container that is not from migops, so migops cannot lock",
                hint=f"see what it is (docker inspect {name}), and rename it: docker rename {name} NAME",
            )
        before = stale_locks.folders(self.engine, self.project, found.owner, Path(self.owner.folder))
        if isinstance(before, str):
            raise held(self.project, found, before, self.release_by)
        self.took_over = self.unasked = True
        new = [each for each in before if each != Path(self.owner.folder)]
        self.unchecked = tuple(dict.fromkeys((*self.unchecked, *new)))
        self.taken_from = tuple(dict.fromkeys((*self.taken_from, *new)))
        after = tuple(map(str, self.unchecked))
        self.owner = owner.now(self.owner.command, self.owner.folder, after, self.owner.token)
        execs.remove(self.engine, found.id)


@contextmanager
def run_lock(
    engine: Engine, folder: Path, project: str, command: str, release_by: Sequence[str]
) -> Iterator[EngineLock]:
    """Hold the lock of the state folder and that of the engine for the ``with``.

    ``command`` names the run for whoever finds it locked; ``release_by`` is what the user types to release a lock of
    which nobody here can tell whether it is still needed. Raises ``Locked`` naming who has one.
    """
    with host_lock(folder, command), engine_lock(engine, folder, project, command, release_by) as lock:
        yield lock


@contextmanager
def engine_lock(
    engine: Engine, folder: Path, project: str, command: str, release_by: Sequence[str]
) -> Iterator[EngineLock]:
    """The engine's lock alone, for a caller that has the state folder's."""
    who = owner.now(command, str(folder), token=secrets.token_hex(8))
    lock = EngineLock(engine, project, who, tuple(release_by))
    try:
        lock.take()
        yield lock
    finally:
        lock.release()


def name_of(project: str) -> str:
    """The name of the lock's container."""
    return f"migops-{re.sub(r'[^A-Za-z0-9_.-]', '-', project).lstrip('.') or 'unnamed'}-lock"


def look(engine: Engine, project: str) -> Found | None:
    """Who has the lock now; None where nobody has. Only reads."""
    found = inspect(engine, name_of(project))
    if found is None:
        return None
    labels = (found.get("Config") or {}).get("Labels") or {}
    return Found(str(found["Id"]), owner.read(labels.get(LABEL, "")), LABEL in labels)


def remove(engine: Engine, found: Found) -> None:
    """Take the lock away from its owner: the caller knows that nobody needs it any more."""
    with unhurried():
        execs.remove(engine, found.id)
        placeholder.remove_unused(engine, LABEL)


def held(project: str, found: Found, why: str, release_by: Sequence[str]) -> Locked:
    """What to tell the user where another run has the lock."""
    pid = found.owner.who.pid
    if why == stale_locks.LIVES:
        hint = f"wait until it has ended (ps -p {pid}); `{shlex.join(here().log())}` shows what it is doing"
    else:
        hint = f"{why}. Make sure that it and its migration have ended, then release its lock: {shlex.join(release_by)}"
    return Locked(f"another run has the lock of {project} on the engine: {found.owner}", hint=hint)
