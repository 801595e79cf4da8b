"""When a lock may be taken over without asking: its owner has certainly gone, and it is known what it has left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from migops.core.errors import Unavailable
from migops.docker import Engine
from migops.state import journal, owner
from migops.state.owner import Owner
from migops.state.process import Life, Who

LIVES = "it lives"
SETTLE = 3.0  # seconds in which a run that lives would have seen that its migration ended, and removed the container
_PROJECT = "com.docker.compose.project"


def folders(engine: Engine, project: str, old: Owner, ours: Path) -> tuple[Path, ...] | str:
    """The state folders whose journals tell what the owner, and those before it, may have left at work on the server.

    Where the lock must not be taken over: why not. ``ours`` is our own state folder.
    """
    life = old.who.life
    if life is Life.LIVES:
        return LIVES
    if life is Life.UNKNOWN and not migration_has_ended(engine, project, old.who):
        return owner.life_of(old.who)
    own = _own(old, ours, is_local=life is Life.GONE)
    if own is None:
        return f"its process is gone, but migops cannot read its journal in {old.folder or 'an unknown folder'} here"
    return (own, *map(Path, old.after))


def migration_has_ended(engine: Engine, project: str, who: Who) -> bool:
    """Whether the containers in which this process had Alembic run are there, and all of them have ended.

    A run that lives removes its container as soon as it has ended: so it is looked at twice.
    """
    first = _containers(engine, project, who)
    if not _all_ended(first):
        return False
    time.sleep(SETTLE)
    second = _containers(engine, project, who)
    return _all_ended(second) and {each["Id"] for each in first} == {each["Id"] for each in second}


def _containers(engine: Engine, project: str, who: Who) -> list[dict[str, Any]]:
    found = engine.containers({_PROJECT: project}) if project else []
    return [each for each in found if owner.OWNER in (each.get("Labels") or {}) and _is(each, who)]


def _is(container: dict[str, Any], who: Who) -> bool:
    return owner.of_one_off(container.get("Labels")) == who


def _all_ended(containers: Sequence[dict[str, Any]]) -> bool:
    return bool(containers) and all(each.get("State") in ("exited", "dead") for each in containers)


def _own(old: Owner, ours: Path, *, is_local: bool) -> Path | None:
    """The state folder with the owner's journal; None where that cannot be found here.

    One that went before it began a journal has changed nothing. A path of another container may be another folder here.
    """
    there = Path(old.folder) if old.folder else ours
    for each in dict.fromkeys((ours, there)):
        if any(run.who == old.who for run in _runs(each)):
            return each
    return there if is_local and there.is_dir() and _is_readable(there) else None


def _runs(folder: Path) -> list[journal.Run]:
    try:
        return journal.runs(folder)
    except (OSError, Unavailable):
        return []


def _is_readable(folder: Path) -> bool:
    try:
        list(folder.iterdir())
    except OSError:
        return False
    return True
