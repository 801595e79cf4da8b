"""What the user has said about how to deploy."""

from __future__ import annotations

from dataclasses import dataclass

UNCHECKED = 30.0
"""Seconds for which a container without a health check is watched by default."""


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that a deploy can be told. Times are in seconds.

    ``cache`` keeps the build cache, ``pull`` fetches newer base images; ``fetch`` fetches the image of a service that
    is not built here. ``on_failure``: ``stop`` leaves the database
    where the migrations have brought it, ``downgrade`` takes it back where they can. ``lock_timeout`` is how long a
    migration may wait for a lock, ``wait`` how long for the database, ``health`` for the new containers.
    ``watch`` is how long they must then stay up (None: UNCHECKED seconds without a health check; with one, healthy is
    enough). ``keep``, ``keep_days`` and ``room`` are for the backups; ``accept_migrating`` that an entrypoint may
    migrate by itself; ``repeat`` are revisions that may run although an earlier run may have committed a part of them.
    ``discard`` are revisions that only a container has and that are given up.
    """

    cache: bool = False
    pull: bool = False
    fetch: bool = True
    backup: bool = True
    rehearse: bool = False
    on_failure: str = "stop"
    lock_timeout: float = 5.0
    wait: float = 60.0
    health: float = 120.0
    watch: float | None = None
    timeout: float = 20.0
    keep: int = 10
    keep_days: float | None = None
    room: float = 1.0
    accept_migrating: bool = False
    sql: bool = False
    discard: tuple[str, ...] = ()
    repeat: tuple[str, ...] = ()

    @property
    def unchecked_watch(self) -> float:
        """Seconds for which a container without a health check must run, without a restart, to count as up."""
        return UNCHECKED if self.watch is None else self.watch
