"""Anonymous volumes of containers that are created anew: compose makes all of them anew (-V), or none.

One that lies over the migrations must be made anew, or the new image's are never seen. What the same container keeps in
others stays with it, and where the deploy goes back, all the old ones do: by a compose file that names them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from migops.commands.deploy.commands import Compose, with_override
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.services import DeployedService
from migops.core.errors import Failed
from migops.docker import compose_labels
from migops.docker.containers import inspect
from migops.sources.mounts import Mount, mounts_of
from migops.state.state_folder import write_private

OVERRIDE = "volumes.compose.yaml"


def others(inputs: DeployInputs) -> dict[str, tuple[Mount, ...]]:
    """By service: the anonymous volumes that a renewal would take from its container although no migration is in them.
    Nothing where no volume is renewed."""
    renewed = set(inputs.anonymous)
    found = held(inputs.services) if renewed else {}
    kept = {name: tuple(each for each in mounts if each.source not in renewed) for name, mounts in found.items()}
    return {name: mounts for name, mounts in kept.items() if mounts}


def unkept(inputs: DeployInputs) -> dict[str, tuple[str, ...]]:
    """By service: the folders of such volumes where it has several containers. Compose cannot be told which of them
    gets which volume, so they are made anew; the old ones stay in the engine."""
    renewed = set(inputs.anonymous)
    several = [each for each in inputs.services if renewed and len(each.containers) > 1]
    found = {
        each.name: tuple(dict.fromkeys(
            mount.target for one in each.containers for mount in one.mounts
            if mount.is_anonymous and mount.source not in renewed
        ))
        for each in several
    }  # fmt: skip
    return {name: targets for name, targets in found.items() if targets}


def held(services: Sequence[DeployedService]) -> dict[str, tuple[Mount, ...]]:
    """By service: the anonymous volumes of its container, where it has just one."""
    single = {each.name: each.containers[0] for each in services if len(each.containers) == 1}
    found = {name: tuple(each for each in one.mounts if each.is_anonymous) for name, one in single.items()}
    return {name: mounts for name, mounts in found.items() if mounts}


def made_since(deploy: Deploy) -> list[str]:
    """The anonymous volumes of the members' containers as they are now that they did not have before."""
    before = {mount.source for member in deploy.inputs.services for each in member.containers for mount in each.mounts}
    new: dict[str, None] = {}
    for member in deploy.inputs.services:
        labels = compose_labels.filters(deploy.inputs.project.name, member.name)
        for each in deploy.engine.containers(labels):
            mounts = mounts_of(inspect(deploy.engine, str(each["Id"])) or {})
            new |= {mount.source: None for mount in mounts if mount.is_anonymous and mount.source not in before}
    return list(new)


def keeping(deploy: Deploy, mounts: Mapping[str, Sequence[Mount]], images: Mapping[str, str] | None = None) -> Compose:
    """The compose CLI by which the services get these volumes, and are made from these ``images`` (by their IDs); as
    the user calls it where there are none."""
    inputs = deploy.inputs
    if not mounts and not images:
        return inputs.compose
    path = deploy.folder / OVERRIDE
    try:
        write_private(path, override(mounts, images or {}))
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}") from None
    return with_override(inputs.project, inputs.compose, inputs.program, str(path))


def override(mounts: Mapping[str, Sequence[Mount]], images: Mapping[str, str]) -> str:
    """A compose file by which each service has the volumes, by their names, where they were; and its image."""
    keys = {each.source: f"migops-{each.source[:12]}" for some in mounts.values() for each in some}
    services: dict[str, dict[str, object]] = {name: {"image": image} for name, image in images.items()}
    for name, some in mounts.items():
        services.setdefault(name, {})["volumes"] = [
            {"type": "volume", "source": keys[each.source], "target": each.target.replace("$", "$$")} for each in some
        ]
    volumes = {key: {"name": name, "external": True} for name, key in keys.items()}
    return json.dumps({"services": services, "volumes": volumes}, indent=1) + "\n"
