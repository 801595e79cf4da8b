"""The steps that put the new image to work, and prove that it does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migops import survey
from migops.database import redact
from migops.deploy import anonymous, shell
from migops.deploy.commands import Compose, Words
from migops.deploy.deploy import Deploy
from migops.deploy.facts import Facts
from migops.deploy.images import put_tags
from migops.deploy.members import Member
from migops.engine import making
from migops.engine.containers import inspect
from migops.engine.same import same_content
from migops.errors import Failed
from migops.model import Absent, PlaceName, Unknown
from migops.places.container import Container, digests
from migops.rules.standing import listed

STEADY = 2.0  # seconds for which a container without a health check must have run on
RESTARTS = 3  # after so many it is not waited for any longer
_LOOK = 0.25


@dataclass(frozen=True, slots=True)
class Standing:
    """How one container stands: ``good`` in the end, ``bad`` for good, or neither yet. ``said`` tells why, and
    ``container`` which one it is."""

    good: bool
    bad: bool
    said: str
    container: str = ""


def swap(deploy: Deploy) -> dict[str, Any]:
    """Create the services' containers anew from the built image. The old ones serve until then.

    The names of the images are seen to once more just before: someone may have built meanwhile.
    """
    deploy.check()
    put_tags(deploy, deploy.built)
    facts = deploy.facts
    compose = anonymous.keeping(deploy, anonymous.others(facts))
    for members, words in zip(rounds(facts), commands(facts, compose), strict=True):
        ran = shell.run(deploy, words, may_end=False)
        if ran.code:
            _tell_who(deploy, members)
            raise Failed(f"the containers could not be swapped (code {ran.code})", commands=[words])
        if members[0].one_shot:
            wait_until_well(deploy, deploy.built, members)
    for each in facts.anonymous:
        deploy.say.line(f"the old volume is kept, unused: {each}")
    return {"services": [each.name for each in facts.members], "volumes_kept": list(facts.anonymous)}


def rounds(facts: Facts) -> list[tuple[Member, ...]]:
    """The members in the order in which they are swapped: those that run once and end come first, so that the others
    serve on in their old containers meanwhile."""
    once = tuple(each for each in facts.members if each.one_shot)
    return [some for some in (once, tuple(each for each in facts.members if not each.one_shot)) if some]


def commands(facts: Facts, compose: Compose | None = None) -> tuple[Words, ...]:
    """What swaps the members, a command a round; by ``compose``, else as the user calls it."""
    program, renew = compose or facts.compose, bool(facts.anonymous)
    return tuple(
        program.swap([each.name for each in some], renew=renew, recreate=facts.discards, scale=scale_of(facts, some))
        for some in rounds(facts)
    )


def scale_of(facts: Facts, members: Sequence[Member]) -> dict[str, int]:
    """The replicas to keep, of these members."""
    return {each.name: facts.scale[each.name] for each in members if each.name in facts.scale}


def stop(deploy: Deploy) -> None:
    """Stop the new containers: while the database is taken back, nothing of the new image may work on it."""
    names = [each.name for each in deploy.facts.members]
    ran = shell.run(deploy, deploy.facts.compose.stop(names), may_end=False)
    if ran.code:
        raise Failed(f"{listed(names)} could not be stopped (code {ran.code})")


def restore(deploy: Deploy) -> dict[str, Any]:
    """The old containers run again, from the image that they had."""
    if "swap" not in deploy.begun:
        return {"skipped": "they have run all the time"}
    facts = deploy.facts
    # What runs once is left alone: the old one would only fail on a database that has moved on.
    lasting = [each for each in facts.members if not each.one_shot]
    members = [each for each in lasting if each.runs]
    new = [each.name for each in lasting if not each.runs]
    if new:  # before none ran: what is left of it can be looked at, and no longer runs
        shell.run(deploy, facts.compose.stop(new), may_end=False)
    if not members:
        return {"stopped": new}
    left = anonymous.made_since(deploy) if facts.anonymous else []
    # A reference with a digest means one image for ever: the old one can only be named by its ID.
    pinned = {each.name: deploy.old[each.name] for each in members if "@" in each.image_ref and each.name in deploy.old}
    compose = anonymous.keeping(deploy, anonymous.held(members) if facts.anonymous else {}, pinned)
    for some, words in ways_back(facts, members, deploy.old, compose):
        put_tags(deploy, {each.name: deploy.old.get(each.name, "") for each in some})
        ran = shell.run(deploy, words, may_end=False)
        if ran.code:
            raise Failed(f"the old containers could not be started (code {ran.code})", commands=[words])
    wait_until_well(deploy, deploy.old, members)
    put_tags(deploy, deploy.tagged)
    return {"services": [each.name for each in members], "volumes_left": left}


def ways_back(
    facts: Facts, members: Sequence[Member], old: Mapping[str, str], compose: Compose | None = None
) -> list[tuple[list[Member], Words]]:
    """What brings the members back, those of one old image at a time: services of one name may have run two."""
    found = []
    for image in dict.fromkeys(old.get(each.name, "") for each in members):
        some = [each for each in members if old.get(each.name, "") == image]
        names, scale = [each.name for each in some], scale_of(facts, some)
        found.append((some, (compose or facts.compose).swap(names, renew=bool(facts.anonymous), scale=scale)))
    return found


def gate(deploy: Deploy) -> dict[str, Any]:
    """Every new container is of the built image, healthy, and sees the migrations that the image holds."""
    wait_until_well(deploy, deploy.built, deploy.facts.members)
    evidence = survey.check(deploy.facts.target, lambda: deploy.engine)
    reading = evidence.chain.places[PlaceName.CONTAINER]
    if isinstance(reading, (Unknown, Absent)):
        raise Failed(f"what the new container sees could not be read: {reading.reason}")
    names = {each.name for each in deploy.facts.members}
    siblings = [one for each in evidence.siblings if each.service in names for one in each.containers]
    for each in (*evidence.containers, *siblings):
        held = None if each.one_off else each.migrations
        if held is not None and digests(held) != digests(deploy.facts.host):
            raise _sees_others(each, held.location[0])
        for other in each.configurations if not each.one_off else ():
            raise Failed(f"{other.by} in {each.name} reads {other.config}, whose migrations are not as on the host")
    return {"containers": [each.name for each in (*evidence.containers, *siblings) if not each.one_off]}


def _sees_others(container: Container, folder: str) -> Failed:
    cover = container.cover(folder)
    over, hint = "nothing lies over them", ""
    if cover is not None:
        named = f" ({cover.source})" if cover.source else ""
        over = f"a {cover.type}{named} lies over {cover.target}"
    if cover is not None and cover.type == "tmpfs":
        over += ", which is an empty folder in memory"
        hint = f"take the tmpfs at {cover.target} out of the compose file, then deploy again"
    return Failed(f"{container.name} sees other migrations than the built image holds: {over}", hint=hint)


def wait_until_well(deploy: Deploy, images: Mapping[str, str], members: Sequence[Member]) -> None:
    """Wait until every container of the members is of its image and well. ``Failed`` where one is not in time."""
    until = time.monotonic() + deploy.options.health
    seen: dict[str, tuple[str, float]] = {}
    while True:
        said = [_member(deploy, member, images.get(member.name, ""), seen) for member in members]
        bad = next((each for each in said if each.bad), None)
        if bad is None and all(each.good for each in said):
            return
        if bad is not None or time.monotonic() >= until:
            waiting = bad or next(each for each in said if not each.good)
            late = "" if bad else f" after {deploy.options.health:g} s"
            _last_words(deploy, waiting.container)
            raise Failed(f"{waiting.said}{late}")
        time.sleep(_LOOK)


def _tell_who(deploy: Deploy, members: Sequence[Member]) -> None:
    """Say which containers are not well, and what they said: compose only says that they are not."""
    for member in members:
        found = _member(deploy, member, deploy.built.get(member.name, ""), {})
        if found.container and not found.good:
            deploy.say.line(found.said)
            _last_words(deploy, found.container)


def _last_words(deploy: Deploy, container: str) -> None:
    """Show the end of what a container wrote: going back removes it, and its log with it."""
    text = making.said(deploy.engine, container) if container else ""
    for line in text.splitlines():
        deploy.say.line(f"  | {redact(line.rstrip())}")


def _member(deploy: Deploy, member: Member, image: str, seen: dict[str, tuple[str, float]]) -> Standing:
    labels = {
        "com.docker.compose.project": deploy.facts.project.name, "com.docker.compose.service": member.name,
        "com.docker.compose.oneoff": "False",
    }  # fmt: skip
    service = deploy.facts.project.services[member.name]
    wanted = deploy.facts.scale.get(member.name, service.replicas)
    found = [
        _container(deploy, member, image, inspected, seen)
        for each in deploy.engine.containers(labels) if (inspected := inspect(deploy.engine, str(each["Id"])))
    ]  # fmt: skip
    if bad := next((each for each in found if each.bad), None):
        return bad
    good = sum(each.good for each in found)
    if good >= wanted and good == len(found):
        return Standing(True, False, "")
    lacking = Standing(False, False, f"{member.name} has {good} of {wanted} containers")
    return next((each for each in found if not each.good), lacking)


def _container(
    deploy: Deploy, member: Member, image: str, inspected: Mapping[str, Any], seen: dict[str, tuple[str, float]]
) -> Standing:
    name, state = str(inspected["Name"]).lstrip("/"), inspected["State"]
    status, health = str(state.get("Status")), str((state.get("Health") or {}).get("Status") or "")
    if image and not same_content(deploy.engine, str(inspected["Image"]), image):
        return Standing(False, False, f"{name} still runs another image")
    if member.one_shot and status in ("exited", "running"):  # the others wait for it to end, and so does this
        code = int(state.get("ExitCode") or 0)
        said = f"{name} has not ended yet" if status == "running" else f"{name} ended with code {code}"
        return Standing(status == "exited" and code == 0, status == "exited" and code != 0, said, name)
    restarts = int(inspected.get("RestartCount") or 0)
    policy = str(((inspected.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "no")
    if (status in ("exited", "dead") and policy in ("", "no")) or restarts >= RESTARTS:
        often = f" {restarts} times" if restarts else ""
        ended = f"it ended with code {state.get('ExitCode')}{often}"
        return Standing(False, True, f"{name} does not stay up: {ended}", name)
    if health == "unhealthy":
        last = ((state.get("Health") or {}).get("Log") or [{}])[-1]
        said = " ".join(redact(str(last.get("Output") or "")).split())[:200]
        return Standing(False, True, f"{name} is unhealthy: {said or 'its check said nothing'}", name)
    if status != "running":
        return Standing(False, False, f"{name} is {status}", name)
    if health:
        return Standing(health == "healthy", False, f"{name} is {health}", name)
    born, since = seen.setdefault(name, (str(state.get("StartedAt")), time.monotonic()))
    if born != state.get("StartedAt"):
        seen[name] = str(state.get("StartedAt")), time.monotonic()
        since = time.monotonic()
    return Standing(time.monotonic() - since >= STEADY, False, f"{name} has only just begun to run", name)
