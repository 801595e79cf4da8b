"""Detection of the layers that come from an image's ``FROM`` image, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migops.core.errors import Unavailable
from migops.docker import Engine
from migops.images.image import History, parse_time

_MOST_IMAGES = 300  # newest images of the engine that are considered as a base


@dataclass(frozen=True, slots=True)
class Base:
    """The base image's part of a history: its first ``steps`` steps; None if unknown.

    ``evidence`` describes the source of the answer; ``image`` is the base's name if it is known.
    """

    steps: int | None
    evidence: str
    image: str = ""


def find_base(
    history: Sequence[History], diff_ids: Sequence[str], engine: Engine | None, inspected: Mapping[str, Any], name: str
) -> Base:
    """Find the base's steps: from the image ``name`` (as in ``FROM``, '': unknown), else from another local image whose
    whole history is the beginning of ours, else from the history's shape.
    """
    base = _named(history, diff_ids, engine, name) if engine is not None and name else None
    if base is None and engine is not None:
        base = _local(history, engine, inspected)
    return base or _by_shape(history)


def _named(history: Sequence[History], diff_ids: Sequence[str], engine: Engine, name: str) -> Base | None:
    """The image that ``FROM`` names, if it exists locally and is still the one that was built on."""
    try:
        inspected = engine.image(name)
    except Unavailable:
        return None
    layers = (inspected.get("RootFS") or {}).get("Layers") or []
    if not layers or list(diff_ids[: len(layers)]) != layers:
        return None
    made = [index for index, step in enumerate(history) if not step.empty]
    steps = max(made[len(layers) - 1] + 1, _common(history, engine.history(str(inspected["Id"]))))
    return Base(steps, f"the local image {name} has the same layers", name)


def _local(history: Sequence[History], engine: Engine, inspected: Mapping[str, Any]) -> Base | None:
    """The local image with the longest history that is a prefix of ours.

    The whole history must match, with its last ``CMD``: an older build of the same Dockerfile shares only layers.
    """
    ours = {_repository(tag) for tag in inspected.get("RepoTags") or ()}
    created = parse_time(inspected.get("Created"))
    best: Base | None = None
    for image in sorted(engine.images(), key=lambda image: -int(image.get("Created") or 0))[:_MOST_IMAGES]:
        tags = [tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
        too_new = created is not None and int(image.get("Created") or 0) > created.timestamp() + 1
        if not tags or too_new or image.get("Id") == inspected.get("Id") or ours & {_repository(tag) for tag in tags}:
            continue
        steps = engine.history(str(image.get("Id")))
        if (best is None or len(steps) > (best.steps or 0)) and 0 < len(steps) == _common(history, steps) < len(
            history
        ):
            best = Base(len(steps), f"the history begins with that of the local image {tags[0]}", tags[0])
    return best


def _common(history: Sequence[History], other: Sequence[Mapping[str, Any]]) -> int:
    """Number of steps, from the first on, that our history shares with another image's (the engine's answer)."""
    count = 0
    for ours, theirs in zip(history, reversed(other), strict=False):
        moment = int(ours.created.timestamp()) if ours.created else None
        if ours.created_by != theirs.get("CreatedBy") or (moment is not None and moment != theirs.get("Created")):
            break
        count += 1
    return count


def _by_shape(history: Sequence[History]) -> Base:
    """Guess from ``CMD``: a build sets it last, so a ``CMD`` followed by further layers ends the base image."""
    for index in range(len(history) - 1, -1, -1):
        step = history[index]
        if step.empty and _sets_command(step.created_by) and any(not later.empty for later in history[index + 1 :]):
            return Base(index + 1, f"judged by the history's shape: step {index} sets a command, and layers follow it")
    return Base(None, "no local image has the beginning of this history, and its shape is inconclusive")


def _sets_command(created_by: str) -> bool:
    words = created_by.removeprefix("/bin/sh -c #(nop)").split()
    return bool(words) and words[0] in ("CMD", "ENTRYPOINT")


def _repository(tag: str) -> str:
    head, colon, tail = tag.rpartition(":")
    return head if colon and "/" not in tail else tag
