"""What is in an engine, what of it belongs to one test, and how that goes away again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from docker.errors import NotFound

from tests.engine.engine import Engine


@dataclass(frozen=True)
class Inventory:
    """The containers, volumes and networks of an engine, each by its ID as `docker inspect` shows it.

    Images are as the engine lists them: there may be hundreds, and their names and labels are all that is asked for.
    """

    container: dict[str, Any]
    volume: dict[str, Any]
    network: dict[str, Any]
    image: dict[str, Any]

    @classmethod
    def of(cls, engine: Engine) -> Inventory:
        """What *engine* holds right now. (The build cache is not counted: it may stay.)"""
        with engine.api() as client:
            return cls(
                _inspect(client.containers(all=True, quiet=True), "Id", client.inspect_container),
                _inspect(client.volumes()["Volumes"] or (), "Name", client.inspect_volume),
                _inspect(client.networks(), "Id", client.inspect_network),
                {each["Id"]: {**each, "RepoTags": _tags(each)} for each in client.images(all=True)},
            )

    def ids(self) -> frozenset[str]:
        """All of it, as "kind id" with a name where there is one: two of these compare an engine before and after."""
        found: set[str] = set()
        for kind, items in vars(self).items():
            found.update(f"{kind} {key}{_names(item)}" for key, item in items.items())
        return frozenset(found)

    def belonging_to(self, token: str) -> Inventory:
        """The part that mentions *token* (a name, a label, a mount), containers of its images, and their volumes."""
        images = {key: item for key, item in self.image.items() if _mentions(_own(item), token)}
        containers = {
            key: item for key, item in self.container.items() if _mentions(item, token) or item["Image"] in images
        }
        mounted = {mount["Name"] for item in containers.values() for mount in item["Mounts"] if "Name" in mount}
        volumes = {
            key: item
            for key, item in self.volume.items()
            if _mentions(item, token) or (key in mounted and anonymous(item))
        }
        networks = {key: item for key, item in self.network.items() if _mentions((item["Name"], item["Labels"]), token)}
        return Inventory(containers, volumes, networks, images)

    def orphans(self, before: Inventory) -> Inventory:
        """What nobody can name that was not there *before*: unused anonymous volumes, and images without a tag."""
        used = {mount.get("Name") for item in self.container.values() for mount in item["Mounts"]}
        run_from = {item["Image"] for item in self.container.values()}
        volumes = {
            key: item
            for key, item in self.volume.items()
            if key not in before.volume and key not in used and anonymous(item)
        }
        images = {
            key: item
            for key, item in self.image.items()
            if key not in before.image and key not in run_from and not item["RepoTags"]
        }
        return Inventory({}, volumes, {}, images)


def remove(engine: Engine, items: Inventory, token: str) -> None:
    """Remove *items* from *engine*. An image keeps those of its names that do not mention *token*."""
    names: list[str] = []
    for key, item in items.image.items():
        tags: Iterable[str] = item["RepoTags"] or []
        ours = [tag for tag in tags if token in tag]
        names += ours
        if not set(tags) - set(ours):
            names.append(key)  # the names first: by its ID alone an image with two names is not removed
    commands = (
        (["rm", "--force", "--volumes"], list(items.container)),
        (["network", "rm"], list(items.network)),
        (["volume", "rm", "--force"], list(items.volume)),
        (["image", "rm", "--force"], names),
    )
    for command, keys in commands:
        if keys:
            # something may be gone already (an anonymous volume goes with its container): what counts is what is left
            engine.docker(*command, *keys, check=False)


def anonymous(volume: dict[str, Any]) -> bool:
    """Whether the engine made up the *volume*'s name."""
    name = volume["Name"]
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _inspect(
    listed: Iterable[dict[str, Any]], key: str, inspect: Callable[[str], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    found = {}
    for entry in listed:
        with contextlib.suppress(NotFound):  # it vanished since the listing
            found[entry[key]] = inspect(entry[key])
    return found


def _own(image: dict[str, Any]) -> tuple[Any, ...]:
    return image["RepoTags"], image["Labels"]


def _tags(image: dict[str, Any]) -> list[str]:
    """The names of a listed image: before Engine 24, one without a name is listed as "<none>:<none>"."""
    return [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]


def _names(item: dict[str, Any]) -> str:
    names = item.get("RepoTags") or [item.get("Name", "")]
    return "".join(f" {name}" for name in names if name)


def _mentions(item: object, token: str) -> bool:
    return token in json.dumps(item)
