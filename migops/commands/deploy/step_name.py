"""The names of the steps of a deploy, and of a reset, which has most of them as well."""

from __future__ import annotations

from enum import Enum


class StepName(str, Enum):
    """The steps of a deploy and of a reset, as plan, journal and JSON name them."""

    DISCARD = "discard"
    MODELS = "models"
    FIRST = "first"
    SCRIPTS = "scripts"
    KEEP = "keep"
    BUILD = "build"
    IMAGE = "image"
    DATABASE = "database"
    BACKUP = "backup"
    REHEARSE = "rehearse"
    STOP = "stop"
    REPLACE = "replace"
    MIGRATE = "migrate"
    REVISION = "revision"
    VOLUME = "volume"
    SWAP = "swap"
    CONTAINERS = "containers"

    def __str__(self) -> str:
        return self.value
