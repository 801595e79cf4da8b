"""How the containers of a service are: healthy, failed, or not there yet; and waiting until that is known."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.options import UNCHECKED, Options
from migops.commands.deploy.services import DeployedService
from migops.core import progress
from migops.core.errors import Failed
from migops.core.redaction import redact
from migops.core.text import counted
from migops.docker import compose_labels, making
from migops.docker.containers import inspect, name_of
from migops.docker.same_content import same_content

RESTARTS = 3  # a container with a health check may be restarted fewer times than this before it is healthy
_LOOK = 0.25  # seconds between two looks
_SAID = 5.0  # seconds from which on a watch is announced


class Health(Enum):
    """WATCHED: it is up, and must stay up for some more seconds before it counts as healthy."""

    HEALTHY = "healthy"
    FAILED = "failed"
    STARTING = "starting"
    WATCHED = "watched"


@dataclass(frozen=True, slots=True)
class ContainerHealth:
    """The health of one container, the reason as a sentence, and the container's name ('' where there is none)."""

    health: Health
    message: str = ""
    container: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """Seconds for which a container must stay up: once it is healthy (``checked``), or once it runs, where it has no
    health check (``unchecked``)."""

    checked: float
    unchecked: float

    @classmethod
    def of(cls, options: Options) -> Watch:
        """As the user said; by default healthy is enough, and a container without a check is watched."""
        return cls(options.watch or 0.0, options.unchecked_watch)


@dataclass(slots=True)
class _Seen:
    """A container as it was first seen: when it was started, its restarts until then, and since when it is up."""

    started: str
    restarts: int
    up_since: float | None = None


Memory = dict[str, _Seen]


def wait_until_healthy(
    deploy: Deploy, images: Mapping[str, str], services: Sequence[DeployedService], watch: Watch | None = None
) -> None:
    """Wait until all containers of the members are of their image and healthy; all are watched at the same time.

    Raises ``Failed`` as soon as one has failed, or where one is still starting after ``options.health`` seconds.
    """
    watch = watch or Watch.of(deploy.options)
    until, memory, announced = time.monotonic() + deploy.options.health, Memory(), False
    while True:
        found = [of_member(deploy, each, images.get(each.name, ""), memory, watch) for each in services]
        first = _first(found)
        if first is None:
            return
        progress.note(first.message)
        grace = 2 * watch.unchecked if first.health is Health.WATCHED else 0.0
        if first.health is Health.FAILED or time.monotonic() >= until + grace:
            late = "" if first.health is Health.FAILED else f" after {deploy.options.health:g} s"
            show_log(deploy, first.container)
            raise Failed(f"{first.message}{late}")
        if first.health is Health.WATCHED and not announced:
            announced = True
            if max(watch.checked, watch.unchecked) >= _SAID:
                deploy.say.line(first.message)
        time.sleep(_LOOK)


def proves(deploy: Deploy, member: DeployedService) -> bool:
    """Whether what the deploy waited for proves the service's image to a later one: by its health check, or by seconds
    enough, however few the user has asked for. What runs once has ended well by then."""
    states = [each["State"] for each in inspected(deploy, member)]
    is_checked = all((each.get("Health") or {}).get("Status") == "healthy" for each in states)
    return member.one_shot or (bool(states) and (is_checked or deploy.options.unchecked_watch >= UNCHECKED))


def _first(found: Sequence[ContainerHealth]) -> ContainerHealth | None:
    """The one that is told of: failed before starting before watched; None where all are healthy."""
    order = (Health.FAILED, Health.STARTING, Health.WATCHED)
    return next((each for health in order for each in found if each.health is health), None)


def tell_unhealthy(deploy: Deploy, services: Sequence[DeployedService]) -> None:
    """Say which containers are not healthy, with the end of their logs: compose only says that they are not."""
    for member in services:
        found = of_member(deploy, member, deploy.record.built.get(member.name, ""), Memory(), Watch(0, 0))
        if found.container and found.health is not Health.HEALTHY:
            deploy.say.line(found.message)
            show_log(deploy, found.container)


def show_log(deploy: Deploy, container: str) -> None:
    """Show the end of what a container wrote: going back removes it, and its log with it."""
    text = making.said(deploy.engine, container) if container else ""
    for line in text.splitlines():
        deploy.say.line(f"  | {redact(line.rstrip())}")


def of_member(deploy: Deploy, member: DeployedService, image: str, memory: Memory, watch: Watch) -> ContainerHealth:
    """The health of a service: healthy where it has all its replicas, and each of them is."""
    wanted = deploy.replicas(member.name)
    found = [_container(deploy, member, image, each, memory, watch) for each in inspected(deploy, member)]
    if first := _first(found):
        return first
    if len(found) >= wanted:
        return ContainerHealth(Health.HEALTHY)
    return ContainerHealth(Health.STARTING, f"{member.name} has {len(found)} of {wanted} containers")


def inspected(deploy: Deploy, member: DeployedService) -> list[dict[str, Any]]:
    """The engine's inspection of the service's containers, running or not, without those of `compose run`."""
    labels = compose_labels.filters(deploy.inputs.project.name, member.name, one_offs=False)
    listed = deploy.engine.containers(labels)
    return [found for each in listed if (found := inspect(deploy.engine, str(each["Id"])))]


def _container(
    deploy: Deploy, member: DeployedService, image: str, inspection: Mapping[str, Any], memory: Memory, watch: Watch
) -> ContainerHealth:
    name, state = name_of(inspection), inspection["State"]
    if image and not same_content(deploy.engine, str(inspection["Image"]), image):
        return ContainerHealth(Health.STARTING, f"{name} still runs another image")
    if member.one_shot and state.get("Status") in ("exited", "running"):
        return _one_shot(name, state)
    old = {each.id for one in deploy.inputs.services for each in one.containers}
    count, started = int(inspection.get("RestartCount") or 0), str(state.get("StartedAt"))
    # One that was there before may have been restarted in its life; one that this deploy has made has not.
    seen = memory.setdefault(str(inspection["Id"]), _Seen(started, count if inspection["Id"] in old else 0))
    restarts = count - seen.restarts
    if why := _failure(inspection, restarts, is_checked="Health" in state, was_up=seen.up_since is not None):
        return ContainerHealth(Health.FAILED, f"{name} {why}", name)
    health = str((state.get("Health") or {}).get("Status") or "")
    if state.get("Status") != "running" or health not in ("", "none", "healthy"):
        said = health if state.get("Status") == "running" else str(state.get("Status"))
        return ContainerHealth(Health.STARTING, f"{name} is {said}", name)
    if seen.up_since is None or seen.started != started:
        seen.started, seen.up_since = started, time.monotonic()
    return _watched(name, "Health" in state, time.monotonic() - seen.up_since, watch)


def _watched(name: str, is_checked: bool, up: float, watch: Watch) -> ContainerHealth:
    seconds = watch.checked if is_checked else watch.unchecked
    if up >= seconds:
        return ContainerHealth(Health.HEALTHY, "", name)
    how = "it is healthy" if is_checked else "it has no health check"
    return ContainerHealth(Health.WATCHED, f"{name} is watched for {seconds:g} s: {how}", name)


def _one_shot(name: str, state: Mapping[str, Any]) -> ContainerHealth:
    """A container that others wait for to end, and so does the deploy; it is not watched."""
    if state.get("Status") == "running":
        return ContainerHealth(Health.STARTING, f"{name} has not ended yet", name)
    code = int(state.get("ExitCode") or 0)
    return ContainerHealth(Health.FAILED if code else Health.HEALTHY, f"{name} ended with code {code}", name)


def _failure(inspection: Mapping[str, Any], restarts: int, *, is_checked: bool, was_up: bool) -> str:
    """Why the container will not become healthy; '' where it still may.

    Without a health check, or once it was up, one restart is a failure; else its check decides, up to a limit.
    """
    state = inspection["State"]
    policy = str(((inspection.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "no")
    code = int(state.get("ExitCode") or 0)
    often = f", restarted {counted(restarts, 'time')}" if restarts > 0 else ""
    is_over = policy in ("", "no") or (policy == "on-failure" and code == 0)
    if (state.get("Status") == "exited" and is_over) or state.get("Status") == "dead":
        return f"does not stay up: it ended with code {code}{often}"
    if restarts >= (1 if was_up or not is_checked else RESTARTS):
        ended = f"it ended with code {code}" if state.get("Status") != "running" else "it ended"
        return f"does not stay up: {ended}{often}"
    if str((state.get("Health") or {}).get("Status")) == "unhealthy":
        last = ((state.get("Health") or {}).get("Log") or [{}])[-1]
        said = " ".join(redact(str(last.get("Output") or "")).split())[:200]
        return f"is unhealthy: {said or 'its check printed nothing'}"
    return ""
