"""Which of an image's layers come from its ``FROM`` image, and how we know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migops.core.errors import Unavailable
from migops.docker import Engine
from migops.images.image import History, parse_time

_MOST_IMAGES = 300  # of the engine's images, the newest that could be a base


@dataclass(frozen=True, slots=True)
class Base:
    """The first ``steps`` steps of the history are the base image's; None where that cannot be told.

    ``evidence`` says in words what this rests on; ``image`` is the base's name where it is known.
    """

    steps: int | None
    evidence: str
    image: str = ""


def find_base(
    history: Sequence[History], diff_ids: Sequence[str], engine: Engine | None, inspected: Mapping[str, Any], name: str
) -> Base:
    """Tell the base's steps: from the image called ``name`` (what ``FROM`` says, empty: not known), else from another
    local image whose whole history ours begins with, else from the history's shape.
    """
    found = _named(history, diff_ids, engine, name) if engine is not None and name else None
    if found is None and engine is not None:
        found = _local(history, engine, inspected)
    return found or _by_shape(history)


def _named(history: Sequence[History], diff_ids: Sequence[str], engine: Engine, name: str) -> Base | None:
    """The image that ``FROM`` names, if it is here and still the one that was built on."""
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
    """The local image with the longest history that is the beginning of ours.

    All of it, its last ``CMD`` included: an older build of the same Dockerfile shares layers too, but not that.
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
    """How many steps, from the first on, our history and the engine's answer for another image share."""
    count = 0
    for ours, theirs in zip(history, reversed(other), strict=False):
        moment = int(ours.created.timestamp()) if ours.created else None
        if ours.created_by != theirs.get("CreatedBy") or (moment is not None and moment != theirs.get("Created")):
            break
        count += 1
    return count


def _by_shape(history: Sequence[History]) -> Base:
    """A build sets its command last. One that is followed by more layers ends the image that was built on."""
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
