"""What the journals of earlier deploys say of the images that ran before them, and of those that they proved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.state import journal
from migops.state.journal import DEPLOY, Run

GATE = "containers"
"""The step that waits until the new containers are up. What it notes of them: ``proved``, the services whose image
counts as proved, and ``watched``, the seconds for which a container without a health check had to run."""


def find(folder: Path) -> list[Run]:
    """The deploys among the runs, the oldest first."""
    return [run for run in journal.runs(folder) if run.command == DEPLOY]


def kept(run: Run) -> dict[str, str]:
    """By service: the image that a deploy could go back to, as it noted it before it did anything."""
    images = run.facts("keep").get("images") or {}
    return {str(name): str(each.get("image") or "") for name, each in images.items()}


def proved_images(runs: Sequence[Run], service: str) -> Iterator[str]:
    """The images of a service that were proved, the last first: by the deploy that put them up, or by what the next
    one saw of their containers. Journals of older versions do not tell: there a deploy that ended well is enough."""
    return (image for run in reversed(runs) for image in _proved_by(run, service))


def watched_image(runs: Sequence[Run], service: str) -> str:
    """Of the deploys that ended well since the last image was proved, and proved none: the image that was watched
    longest, and of several the last; '' where none was watched at all."""
    best, longest = "", 0.0
    for run in reversed(runs):
        if any(_proved_by(run, service)):
            break
        seconds = float(run.facts(GATE).get("watched") or 0)
        if (image := _put_up(run, service)) and seconds > longest:
            best, longest = image, seconds
    return best


def _proved_by(run: Run, service: str) -> Iterator[str]:
    gate, image = run.facts(GATE), _put_up(run, service)
    if image and ("proved" not in gate or service in gate["proved"]):
        yield image
    before = (run.facts("keep").get("images") or {}).get(service) or {}
    if before.get("is_proved"):
        yield str(before["proved"])


def _put_up(run: Run, service: str) -> str:
    """The image that a deploy which ended well has put up; '' where it is none of this service."""
    images = run.facts("build").get("images") or {}
    return str(images.get(service) or "") if run.outcome == "done" else ""


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
    unsettled: UnsettledSwap | None = None
    for run in reversed(runs):
        image = kept(run).get(service, "")
        if not image or not run.has("swap"):
            continue
        if _has_ended_well(run) or (unsettled is not None and unsettled.image != image):
            break
        rows = run.facts("database").get("rows")
        unsettled = UnsettledSwap(run.number, image, None if rows is None else tuple(map(str, rows)))
    return unsettled


def _has_ended_well(run: Run) -> bool:
    """Whether its new containers were proved, or the old ones brought back."""
    return run.outcome == "done" or run.has("keep", "undone")
