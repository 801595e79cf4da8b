"""Comparison of images by content: the containerd store gives a new ID to every build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migops.core.errors import Unavailable
from migops.docker.client import Engine


def same_content(engine: Engine, one: str, other: str) -> bool:
    """True for the same image ID, or for equal layers, environment, working directory and user.

    False if the engine no longer has one of them.
    """
    if one == other:
        return True
    try:
        first, second = (_content(engine.image(image)) for image in (one, other))
    except Unavailable:
        return False
    return bool(first[0]) and first == second


def _content(inspected: Mapping[str, Any]) -> tuple[object, ...]:
    config = inspected.get("Config") or {}
    layers = (inspected.get("RootFS") or {}).get("Layers")
    return (layers, *(config.get(key) for key in ("Env", "WorkingDir", "User")))
