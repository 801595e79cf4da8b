"""Waits until the engine has done what it was asked to do: compose may have been killed while it stopped a container.

The engine goes on with such a stop by itself. Its inspection says "running" until the grace period is over, and an `up`
that comes meanwhile finds nothing to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from migops.commands.deploy import shell
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.health import inspected
from migops.commands.deploy.services import DeployedService
from migops.compose.units import duration
from migops.core.errors import Failed, MigopsError, Unavailable
from migops.core.text import listed
from migops.docker import compose_labels, events, execs
from migops.docker.containers import inspect, name_of

MARGIN = 3.0  # seconds that the engine may take longer than the grace period
GRACE = 10.0  # seconds between SIGTERM and SIGKILL, where nothing else was said
ATTEMPTS = 3
_LOOK = 0.25  # seconds between two looks
_ARRIVES = 0.5  # seconds in which a request of a compose that was killed has reached the engine
_GOING = ("removing", "dead")


def until_steady(deploy: Deploy, services: Sequence[DeployedService], start: Callable[[], None]) -> None:
    """Call ``start`` (which starts containers and waits until they are healthy), and see that no stop from before hits
    them afterwards; else once more. Raises what ``start`` raised last."""
    wait(deploy, services)
    for attempt in range(1, ATTEMPTS + 1):
        remove_half_made(deploy, services)
        error = _error(start)
        was_busy = wait(deploy, services)
        if error is None and not was_busy:
            return
        if attempt == ATTEMPTS or (error is not None and not was_busy and not isinstance(error, Killed)):
            raise error or Failed("the old containers were stopped again each time that they had been started")
        deploy.say.line("the engine was still at work on the containers, so they are started once more")


class Killed(Failed):
    """The compose CLI was killed: what it had begun may still go on."""


def was_killed(code: int) -> bool:
    """Whether the exit code of the compose CLI says that a signal ended it, or its plugin."""
    return code < 0 or code > 128


def _error(start: Callable[[], None]) -> MigopsError | None:
    try:
        start()
    except MigopsError as error:
        return error
    return None


def up(deploy: Deploy, words: Sequence[str]) -> shell.Ran:
    """Run a compose command that changes containers, and remember since when one of them has not ended well."""
    first = deploy.record.compose_began
    deploy.record.compose_began = _clock(deploy) if first is None else first
    ran = shell.run(deploy, words, may_end=False)
    if not ran.code:
        deploy.record.compose_began = first
    return ran


def wait(deploy: Deploy, services: Sequence[DeployedService]) -> bool:
    """Wait until no old container of the members is being stopped or removed any more; whether one has stopped or gone.

    The wait ends with the grace period of the container that has the longest one.
    """
    if deploy.record.compose_began is not None:
        time.sleep(_ARRIVES)
    busy, is_sure = _busy(deploy, services)
    if not busy:
        return False
    seconds = max(_grace(deploy, member, each) for member, each in busy) + MARGIN
    names = listed(sorted(name_of(each) for _, each in busy))
    does = "is stopping or removing" if is_sure else "may still be stopping"
    deploy.say.line(f"the engine {does} {names}: waiting up to {seconds:g} s for it")
    until, states = time.monotonic() + seconds, {str(each["Id"]): _state(each) for _, each in busy}
    while states and time.monotonic() < until:
        time.sleep(_LOOK)
        states = {key: was for key, was in states.items() if _state(inspect(deploy.engine, key)) == was}
    return len(states) < len(busy)


def stop(deploy: Deploy, services: Sequence[DeployedService]) -> None:
    """Stop the services' containers. Where compose does not get to its end, what counts is that none of them runs.

    Raises ``Failed`` where one still does.
    """
    names = [each.name for each in services]
    for _ in range(2):
        ran = shell.run(deploy, deploy.inputs.compose.stop(names), may_end=False)
        if not ran.code or _have_stopped(deploy, services):
            return
    raise Failed(f"{listed(names)} could not be stopped (code {ran.code})")


def _have_stopped(deploy: Deploy, services: Sequence[DeployedService]) -> bool:
    """Whether none of the containers runs any more, once the engine has had the time to stop them."""
    began = time.monotonic()
    while True:
        runs = [(one, each) for one in services for each in inspected(deploy, one) if each["State"].get("Running")]
        if not runs:
            return True
        if time.monotonic() - began > max(_grace(deploy, one, each) for one, each in runs) + MARGIN:
            return False
        time.sleep(_LOOK)


def _busy(
    deploy: Deploy, services: Sequence[DeployedService]
) -> tuple[list[tuple[DeployedService, dict[str, Any]]], bool]:
    """The containers on which a removal, or of the old ones a stop, is under way; False where a stop is only possible.

    Where compose has ended well it has waited for the engine, so nothing is under way.
    """
    old = {each.id for member in services for each in member.containers}
    found = [(member, each) for member in services for each in inspected(deploy, member)]
    going = [(member, each) for member, each in found if each["State"].get("Status") in _GOING]
    if deploy.record.compose_began is None:
        return going, True
    runs = [(member, each) for member, each in found if each["State"].get("Running") and each["Id"] in old]
    told = _events(deploy, deploy.record.compose_began)
    if told is None:
        return going + runs, False
    signalled = [(member, each) for member, each in runs if _is_signalled(told.actions(str(each["Id"])))]
    return going + signalled, True


def _events(deploy: Deploy, began: float) -> events.Events | None:
    """What has happened since then, by the engine's clock; None where the engine does not know it in full."""
    try:
        found = events.since(deploy.engine, began, events.now(deploy.engine))
    except (Unavailable, ValueError):
        return None
    return found if found.is_complete else None


def _clock(deploy: Deploy) -> float:
    """The engine's time; 0 where it does not say: then what it remembers is not taken to be everything."""
    try:
        return events.now(deploy.engine)
    except Unavailable:
        return 0.0


def _is_signalled(actions: Sequence[str]) -> bool:
    """Whether the last that happened to a container that runs is a signal: it was not started again since."""
    relevant = [each for each in actions if each in ("kill", "die", "start", "restart")]
    return bool(relevant) and relevant[-1] == "kill"


def _state(found: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """What changes when a container stops, is started again, or goes."""
    state = (found or {}).get("State") or {}
    return (str(state.get("Status")), str(state.get("StartedAt"))) if found else None


def _grace(deploy: Deploy, member: DeployedService, found: Mapping[str, Any]) -> float:
    """Seconds that the engine gives the container to stop: its own, or those of the compose file, whichever is more."""
    own = (found.get("Config") or {}).get("StopTimeout")
    raw = deploy.inputs.project.services[member.name].raw.get("stop_grace_period")
    said = duration(str(raw)) / 1e9 if raw else 0.0
    longest = max(GRACE if own is None else float(own), said)
    return deploy.options.health if own is not None and own < 0 else longest  # negative: it waits for ever


def remove_surplus(deploy: Deploy, services: Sequence[DeployedService]) -> None:
    """Remove the new containers with numbers that no old one had.

    Compose scales down by removing any of those that are out of date: the container that stays could have another name
    than the old one.
    """
    for member in services:
        numbers = {each.number for each in member.runs or member.containers}
        for each in inspected(deploy, member) if numbers else ():
            number, name = compose_labels.read(each, compose_labels.NUMBER), str(each["Id"])
            if number.isdecimal() and int(number) not in numbers and name not in {c.id for c in member.containers}:
                execs.stop(deploy.engine, name)
                execs.remove(deploy.engine, name, volumes=False)


def remove_half_made(deploy: Deploy, services: Sequence[DeployedService]) -> None:
    """Remove what a compose that was killed had made to take the place of a container that is still there.

    Such a container never ran, and has the other one's volumes: they stay.
    """
    for member in services:
        found = inspected(deploy, member)
        for each in found:
            replaces = compose_labels.read(each, compose_labels.REPLACES)
            others = [one for one in found if one is not each]
            is_there = any(replaces in (str(one["Id"]), name_of(one)) for one in others)
            if each["State"].get("Status") == "created" and is_there:
                execs.remove(deploy.engine, str(each["Id"]), volumes=False)
