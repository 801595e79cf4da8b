"""What the user has said about how to deploy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that a deploy can be told. Times are in seconds.

    ``cache`` keeps the build cache, ``pull`` fetches newer base images; ``fetch`` fetches the image of a service that
    is not built here. ``on_failure``: ``stop`` leaves the database
    where the migrations have brought it, ``downgrade`` takes it back where they can. ``lock_timeout`` is how long a
    migration may wait for a lock, ``wait`` how long for the database, ``health`` for the new containers.
    ``keep``, ``keep_days`` and ``room`` are for the backups; ``accept_migrating`` that an entrypoint may migrate by
    itself. ``discard`` are revisions that only a container has and that are given up.
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
    timeout: float = 20.0
    keep: int = 10
    keep_days: float | None = None
    room: float = 1.0
    accept_migrating: bool = False
    sql: bool = False
    discard: tuple[str, ...] = ()
