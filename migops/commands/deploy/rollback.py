"""Which image a deploy goes back to: one that is proved, if there is any.

What runs counts as proved where its containers are healthy, or have run without a restart for as long as a deploy would
watch them, and at least for as long as it does by default; or where it is the last image that a deploy has proved, by
the journals. Else it may be what a killed or failed deploy has left, or one that was told to watch nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.commands.deploy import deploys
from migops.commands.deploy.commands import rollback_tag
from migops.commands.deploy.options import UNCHECKED
from migops.commands.deploy.services import DeployedService
from migops.docker import Engine, ImageNotFound, events
from migops.docker.containers import inspect, name_of
from migops.docker.same_content import same_content
from migops.state.journal import Run


@dataclass(frozen=True, slots=True)
class Rollback:
    """The way back of one service. Images are IDs.

    ``image`` is what a failed deploy goes back to; ``current`` what the service runs now, or would (its name's image,
    where it has no container). ``unproved`` says why ``current`` is not proved, '' where it is. ``proved`` is the image
    that the rollback tag names: the one that last proved well, where one is known, else ``current``; ``is_proved``
    tells whether it is known. ``others`` are further images that may not lose their last name.

    Where a deploy did not end well after it had begun to replace the containers, and nothing proves ``current`` since,
    ``image`` is what ran before that deploy: ``run`` is its number (0: no such run), ``rows`` are those that the
    version table had then (None: not known).
    """

    image: str
    current: str
    proved: str
    unproved: str = ""
    run: int = 0
    rows: tuple[str, ...] | None = None
    is_proved: bool = True
    others: tuple[str, ...] = ()

    @property
    def leads_further(self) -> bool:
        """Whether going back leads to another image than the one that runs now."""
        return self.image != self.current


def find(engine: Engine, folder: Path, services: Sequence[DeployedService], watch: float) -> dict[str, Rollback]:
    """The way back of each service that has an image. ``watch``: seconds that prove a container without a check."""
    runs = deploys.find(folder)
    return {each.name: found for each in services if (found := _of(engine, each, runs, watch)) is not None}


def _of(engine: Engine, member: DeployedService, runs: Sequence[Run], watch: float) -> Rollback | None:
    own = next(iter(member.image_ids), "")
    current = own if own and image_id(engine, own) else image_id(engine, member.image_ref)
    if not current:
        return None
    good = next((each for one in deploys.proved_images(runs, member.name) if (each := image_id(engine, one))), "")
    if good and same_content(engine, good, current):
        return Rollback(current, current, current)
    why = _doubt(engine, member, max(watch, UNCHECKED))
    if not why:
        return Rollback(current, current, current)
    unsettled = deploys.unsettled_swap(runs, member.name)
    before = image_id(engine, unsettled.image) if unsettled else ""
    watched = image_id(engine, deploys.watched_image(runs, member.name))
    tagged = rollback_tag(member.image_ref)
    known = (good, watched, before, *(image_id(engine, each) for each in (f"{tagged}-{member.name}", tagged)))
    proved = next(each for each in (*known, current) if each)
    others = tuple(each for each in dict.fromkeys((watched, before)) if each not in ("", proved, current))
    if unsettled is None or not before or same_content(engine, before, current):
        return Rollback(current, current, proved, why, is_proved=bool(good), others=others)
    return Rollback(before, current, proved, why, unsettled.run, unsettled.rows, bool(good), others)


def _doubt(engine: Engine, member: DeployedService, watch: float) -> str:
    """Why the containers do not prove their image; '' where they do."""
    found = [each for one in member.containers if (each := inspect(engine, one.id))]
    at_work = [each for each in found if each["State"].get("Running") or each["State"].get("Restarting")]
    if member.one_shot:
        codes = {each["State"].get("ExitCode") for each in found if each["State"].get("Status") == "exited"}
        return "" if codes == {0} else "it has not ended with code 0"
    if not at_work:
        return "no container of it runs"
    if len({str(each["Image"]) for each in at_work}) > 1:
        return "its containers run two images"
    now = events.now(engine)
    return next((why for each in at_work if (why := _doubt_of(each, now, watch))), "")


def _doubt_of(found: Mapping[str, Any], now: float, watch: float) -> str:
    name, state = name_of(found), found["State"]
    health = str((state.get("Health") or {}).get("Status") or "")
    if state.get("Status") != "running":
        return f"{name} is {state.get('Status')}"
    if health not in ("", "none"):
        return "" if health == "healthy" else f"{name} is {health}"
    try:
        up = now - events.seconds(str(state.get("StartedAt")))
    except ValueError:
        return f"it is not known since when {name} runs"
    return "" if up >= watch else f"{name} has run for {max(up, 0):.0f} s, without a health check"


def image_id(engine: Engine, ref: str) -> str:
    """The image that a name or an ID means now; '' where the engine has none."""
    try:
        return str(engine.image(ref)["Id"]) if ref else ""
    except ImageNotFound:
        return ""


def notes(rollbacks: Mapping[str, Rollback]) -> list[str]:
    """What to know of the way back before saying yes."""
    lines = []
    for name, rollback in rollbacks.items():
        if rollback.leads_further:
            lines.append(
                f"the image of {name}, {short(rollback.current)}, is not proved ({rollback.unproved}): run "
                f"{rollback.run} replaced the containers and did not end well. If this deploy fails after it has "
                f"replaced them, {name} is rolled back to {short(rollback.image)}, which ran before run {rollback.run}"
            )
        elif rollback.unproved and rollback.proved != rollback.current:
            lines.append(
                f"the image of {name}, {short(rollback.current)}, is not proved ({rollback.unproved}); the rollback "
                f"tag stays at {short(rollback.proved)}. If this deploy fails, {name} is rolled back to what was there"
            )
        elif rollback.unproved:
            lines.append(
                f"the image of {name}, {short(rollback.current)}, is not proved ({rollback.unproved}), and no image is "
                "known that is: if this deploy fails, it is rolled back to this one"
            )
    return lines


def comes_back(rollbacks: Mapping[str, Rollback], member: DeployedService) -> bool:
    """Whether going back starts the service: it ran when the deploy began, or before one that did not end well. What
    runs once is left alone: the old one would only fail on a database that has moved on."""
    further = member.name in rollbacks and rollbacks[member.name].leads_further
    return not member.one_shot and (bool(member.runs) or further)


def short(image: str) -> str:
    """An image ID as it is shown."""
    return image[:19]
