"""The steps that put the new image to work, and prove that it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migops import collect
from migops.commands.deploy import anonymous, health, old_starts, previous, ready, recreate_old, rollback, settle
from migops.commands.deploy.commands import Compose, Words
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.images import give_back, put_tags
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.services import DeployedService
from migops.commands.deploy.step_name import StepName
from migops.core.errors import Failed
from migops.core.model import Absent, PlaceName, Unknown
from migops.core.text import listed
from migops.docker import execs
from migops.sources.container_model import Container, digests

STEADY = 2.0  # seconds for which an old container without a health check must have run again


def recreate(deploy: Deploy) -> dict[str, Any]:
    """Create the services' containers anew from the built image. The old ones serve until then.

    The names of the images are seen to once more just before: someone may have built meanwhile.
    """
    deploy.check()
    ready.again(deploy)
    put_tags(deploy, deploy.record.built)
    inputs = deploy.inputs
    compose = anonymous.keeping(deploy, anonymous.others(inputs))
    for services, words in zip(rounds(inputs), commands(inputs, compose), strict=True):
        ran = settle.up(deploy, words)
        if ran.code:
            health.tell_unhealthy(deploy, services)
            raise Failed(f"the containers could not be swapped (code {ran.code})")
        if services[0].one_shot:
            health.wait_until_healthy(deploy, deploy.record.built, services)
    for each in inputs.anonymous:
        deploy.say.line(f"the old volume is kept, unused: {each}")
    return {"services": [each.name for each in inputs.services], "volumes_kept": list(inputs.anonymous)}


def rounds(inputs: DeployInputs) -> list[tuple[DeployedService, ...]]:
    """The members in the order in which they are swapped: those that run once and end come first, so that the others
    serve on in their old containers meanwhile."""
    once = tuple(each for each in inputs.services if each.one_shot)
    return [some for some in (once, tuple(each for each in inputs.services if not each.one_shot)) if some]


def commands(inputs: DeployInputs, compose: Compose | None = None) -> tuple[Words, ...]:
    """What swaps the members, a command a round; by ``compose``, else as the user calls it."""
    program, renew = compose or inputs.compose, bool(inputs.anonymous)
    return tuple(
        program.recreate([each.name for each in some], renew=renew, force=inputs.discards, scale=scale_of(inputs, some))
        for some in rounds(inputs)
    )


def scale_of(inputs: DeployInputs, services: Sequence[DeployedService]) -> dict[str, int]:
    """The replicas to keep, of these members."""
    return {each.name: inputs.scale[each.name] for each in services if each.name in inputs.scale}


def stop(deploy: Deploy) -> None:
    """Stop the new containers: while the database is taken back, nothing of the new image may work on it."""
    if deploy.record.compose_began is None and previous.is_untouched(
        deploy.inputs.previous, deploy.engine, deploy.inputs.project.name
    ):
        return  # there are none yet
    settle.stop(deploy, deploy.inputs.services)


def restore(deploy: Deploy) -> dict[str, Any]:
    """The old containers run again, from the image that they had."""
    if not {StepName.STOP, StepName.SWAP} & {*deploy.record.begun}:
        return {"skipped": "they have run all the time"}
    inputs = deploy.inputs
    services = [each for each in inputs.services if rollback.comes_back(inputs.rollbacks, each)]
    new = [each for each in inputs.services if not each.one_shot and each not in services]
    if new:  # before none ran: what is left of it can be looked at, and no longer runs
        settle.stop(deploy, new)
    if not services:
        return {"stopped": [each.name for each in new]}
    settle.wait(deploy, services)  # a compose that was killed may have begun to stop what still runs
    if previous.is_untouched(inputs.previous, deploy.engine, inputs.project.name):
        alone = give_back(deploy, deploy.record.tagged)
        stopped = [each.name for each in new]
        return {"skipped": "they have run all the time", "stopped": stopped, "left_alone": alone}
    held = _held(deploy, services)
    services = [each for each in services if each not in held]
    if not services:
        return {"stopped": [each.name for each in (*new, *held)], "left_alone": give_back(deploy, deploy.record.tagged)}
    left = anonymous.made_since(deploy) if inputs.anonymous else []
    deploy.record.going_back = True

    def start() -> None:
        settle.remove_surplus(deploy, services)
        for some, words in recreate_old.commands(deploy, services):
            if alone := give_back(deploy, {each.name: deploy.record.old.get(each.name, "") for each in some}):
                raise Failed(
                    f"the old containers were not brought back: someone else has given {listed(alone)} to an image"
                )
            ran = settle.up(deploy, words)
            if ran.code:
                error = settle.Killed if settle.was_killed(ran.code) else Failed
                raise error(f"the old containers could not be started (code {ran.code})")
        health.wait_until_healthy(deploy, deploy.record.old, services, health.Watch(0, STEADY))

    settle.until_steady(deploy, services, start)
    further = {name: each.image for name, each in inputs.rollbacks.items() if each.leads_further}
    alone = give_back(deploy, {**deploy.record.tagged, **further})
    deploy.record.recreated = True
    deploy.record.unrestored += recreate_old.unrestored(deploy)
    return {
        "services": [each.name for each in services],
        "volumes_left": left,
        "unrestored": deploy.record.unrestored,
        "left_alone": alone,
        "stopped": [each.name for each in (*new, *held)],
    }


def _held(deploy: Deploy, services: Sequence[DeployedService]) -> list[DeployedService]:
    """Stop the new containers of the services whose old ones cannot start on the database as it is; those services.

    A new container that ran on would migrate again by itself as soon as the database was taken back.
    """
    inputs, record = deploy.inputs, deploy.record
    failing = old_starts.failing(inputs, record.after or ()) if record.after is not None else {}
    held = [each for each in services if each.name in failing]
    for member in held:
        old, run = {each.id for each in member.containers}, 0
        for found in health.inspected(deploy, member):
            if str(found["Id"]) not in old:
                execs.stop(deploy.engine, str(found["Id"]))
            elif found["State"].get("Running") and not found["State"].get("Restarting"):
                run += 1  # the swap has not come to it: it runs on
        if not run:
            record.stopped[member.name] = failing[member.name]
        elif run < len(member.runs):
            record.unrestored.append(
                f"{run} of {len(member.runs)} containers of {member.name} run; the others stay stopped, as their start "
                f"runs {failing[member.name]}, which fails (Can't locate revision) on the database as it is now"
            )
    return held


def verify(deploy: Deploy) -> dict[str, Any]:
    """Every new container is of the built image, healthy, and sees the migrations that the image holds."""
    health.wait_until_healthy(deploy, deploy.record.built, deploy.inputs.services)
    evidence = collect.check(deploy.inputs.target, lambda: deploy.engine)
    reading = evidence.chain.places[PlaceName.CONTAINER]
    if isinstance(reading, (Unknown, Absent)):
        raise Failed(f"what the new container sees could not be read: {reading.reason}")
    names = {each.name for each in deploy.inputs.services}
    siblings = [one for each in evidence.siblings if each.service in names for one in each.containers]
    for each in (*evidence.containers, *siblings):
        held = None if each.one_off else each.migrations
        if held is not None and digests(held) != digests(deploy.inputs.host):
            raise _sees_others(each, held.location[0])
        for other in each.configurations if not each.one_off else ():
            raise Failed(f"{other.by} in {each.name} reads {other.config}, whose migrations differ from the host")
    return {
        "containers": [each.name for each in (*evidence.containers, *siblings) if not each.one_off],
        "proved": [each.name for each in deploy.inputs.services if health.proves(deploy, each)],
        "watched": deploy.options.unchecked_watch,
    }


def _sees_others(container: Container, folder: str) -> Failed:
    cover = container.cover(folder)
    over, hint = "nothing lies over them", ""
    if cover is not None:
        named = f" ({cover.source})" if cover.source else ""
        over = f"a {cover.type}{named} lies over {cover.target}"
    if cover is not None and cover.type == "tmpfs":
        over += ", which is an empty folder in memory"
        hint = f"take the tmpfs at {cover.target} out of the compose file, then deploy again"
    return Failed(f"{container.name} sees other migrations than the built image contains: {over}", hint=hint)
