"""What the journals of earlier deploys say of the images that ran before them, and of those that they put up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.safety import journal
from migops.safety.journal import DEPLOY, Run


def find(folder: Path) -> list[Run]:
    """The deploys among the runs, the oldest first."""
    return [run for run in journal.runs(folder) if run.command == DEPLOY]


def kept(run: Run) -> dict[str, str]:
    """By service: the image that a deploy could go back to, as it noted it before it did anything."""
    images = run.facts("keep").get("images") or {}
    return {str(name): str(each.get("image") or "") for name, each in images.items()}


def image_put_up(runs: Sequence[Run], service: str) -> str:
    """The image that the last deploy of a service that ended well has put up; '' where there is none."""
    for run in reversed(runs):
        images = run.facts("build").get("images") or {}
        if run.outcome == "done" and service in images:
            return str(images[service])
    return ""


@dataclass(frozen=True, slots=True)
class UnsettledSwap:
    """A deploy that had begun to replace a service's containers and did not end well: its number, the image that ran
    before it, and the version table's rows before it (None: not noted)."""

    run: int
    image: str
    rows: tuple[str, ...] | None


def unsettled_swap(runs: Sequence[Run], service: str) -> UnsettledSwap | None:
    """The last deploy that left the service's containers unproved, or the first of several that had the same way back.

    None where the last deploy of the service that had begun to replace its containers ended well, or was walked back.
    """
    found: UnsettledSwap | None = None
    for run in reversed(runs):
        image = kept(run).get(service, "")
        if not image or not run.has("swap"):
            continue
        if _has_ended_well(run) or (found is not None and found.image != image):
            break
        rows = run.facts("database").get("rows")
        found = UnsettledSwap(run.number, image, None if rows is None else tuple(map(str, rows)))
    return found


def _has_ended_well(run: Run) -> bool:
    """Whether its new containers were proved, or the old ones brought back."""
    return run.outcome == "done" or run.has("keep", "undone")
