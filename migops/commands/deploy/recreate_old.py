"""How the old containers are created again, and what of them is not as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from migops.commands.deploy import anonymous, bound_files, kept_definition, previous
from migops.commands.deploy.commands import Compose, Words
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.services import DeployedService


def program(deploy: Deploy, services: Sequence[DeployedService]) -> Compose:
    """The compose CLI that brings the members back: by their old definition, where the compose file has another."""
    inputs = deploy.inputs
    if deploy.record.definition is not None:
        return kept_definition.compose(inputs, deploy.record.definition)
    # A reference with a digest means one image for ever: the old one can only be named by its ID.
    pinned = {
        each.name: deploy.record.old[each.name]
        for each in services
        if "@" in each.image_ref and each.name in deploy.record.old
    }
    return anonymous.keeping(deploy, anonymous.held(services) if inputs.anonymous else {}, pinned)


def unrestored(deploy: Deploy) -> list[str]:
    """What of the old containers, which run again, is not as it was."""
    stopped, before = deploy.record.stopped, deploy.inputs.previous
    before = replace(before, services={name: old for name, old in before.services.items() if name not in stopped})
    files = [each for each in before.files if each.changed]
    later = bound_files.since(each for each in before.files if not each.changed)
    differing = previous.compare(before, deploy.engine, deploy.inputs.project.name)
    return [*map(str, (*files, *later)), *(() if kept_definition.is_older(deploy) else differing)]


def commands(deploy: Deploy, services: Sequence[DeployedService]) -> list[tuple[list[DeployedService], Words]]:
    """What brings the members back, with as many containers as before."""
    return by_image(
        deploy.inputs,
        services,
        deploy.record.old,
        program(deploy, services),
        has_counts=deploy.record.definition is None,
    )


def by_image(
    inputs: DeployInputs,
    services: Sequence[DeployedService],
    old: Mapping[str, str],
    compose: Compose,
    *,
    has_counts: bool = True,
) -> list[tuple[list[DeployedService], Words]]:
    """The commands, for one old image at a time: services of one name may have run two. ``has_counts``: the file has
    the services' replicas; the old definition has none."""
    commands = []
    usual = {each.name: inputs.project.services[each.name].replicas if has_counts else 1 for each in services}
    for image in dict.fromkeys(old.get(each.name, "") for each in services):
        some = [each for each in services if old.get(each.name, "") == image]
        names, counts = [each.name for each in some], {each.name: len(each.runs) or usual[each.name] for each in some}
        scale = {name: count for name, count in counts.items() if count != usual[name]}
        commands.append((some, compose.recreate(names, renew=bool(inputs.anonymous), scale=scale)))
    return commands
