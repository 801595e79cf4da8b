"""The names of a deploy's steps."""

from __future__ import annotations

from enum import Enum


class StepName(str, Enum):
    """The steps of a deploy, as plan, journal and JSON name them."""

    DISCARD = "discard"
    KEEP = "keep"
    BUILD = "build"
    IMAGE = "image"
    DATABASE = "database"
    BACKUP = "backup"
    REHEARSE = "rehearse"
    MIGRATE = "migrate"
    REVISION = "revision"
    VOLUME = "volume"
    SWAP = "swap"
    CONTAINERS = "containers"

    def __str__(self) -> str:
        return self.value
