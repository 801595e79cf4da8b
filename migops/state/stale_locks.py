"""Conditions for taking over a lock without asking: its owner is certainly gone, and its remains are known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from migops.core.errors import Unavailable
from migops.docker import Engine, compose_labels
from migops.state import journal, owner
from migops.state.owner import Owner
from migops.state.process import Life, Who

LIVES = "it lives"
SETTLE = 3.0  # seconds in which a living run would detect the end of its migration and remove the container


def folders(engine: Engine, project: str, old: Owner, ours: Path) -> tuple[Path, ...] | str:
    """The state folders with the journals of the owner and those before it, whose sessions may still be at work.

    If the lock must not be taken over, the reason as a text. ``ours`` is our own state folder.
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
    """True if the containers in which this process ran Alembic exist, and all of them have ended.

    A living run removes its container as soon as it has ended, so the check is repeated after ``SETTLE`` seconds.
    """
    first = _containers(engine, project, who)
    if not _all_ended(first):
        return False
    time.sleep(SETTLE)
    second = _containers(engine, project, who)
    return _all_ended(second) and {each["Id"] for each in first} == {each["Id"] for each in second}


def _containers(engine: Engine, project: str, who: Who) -> list[dict[str, Any]]:
    listed = engine.containers(compose_labels.filters(project)) if project else []
    return [each for each in listed if owner.OWNER in (each.get("Labels") or {}) and _is(each, who)]


def _is(container: dict[str, Any], who: Who) -> bool:
    return owner.of_one_off(container.get("Labels")) == who


def _all_ended(containers: Sequence[dict[str, Any]]) -> bool:
    return bool(containers) and all(each.get("State") in ("exited", "dead") for each in containers)


def _own(old: Owner, ours: Path, *, is_local: bool) -> Path | None:
    """The state folder with the owner's journal; None if it cannot be found here.

    An owner that was gone before it began a journal has changed nothing. A path recorded in another container may be a
    different folder here.
    """
    there = Path(old.folder) if old.folder else ours
    for candidate in dict.fromkeys((ours, there)):
        if any(run.who == old.who for run in _runs(candidate)):
            return candidate
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
