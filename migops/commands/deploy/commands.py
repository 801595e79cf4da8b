"""The commands of a deploy, as words. Pure functions: they run nothing, and tests read exactly what would be run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from migops.compose import Project, Service
from migops.sources.mounts import at_or_below

Words = tuple[str, ...]

ROLLBACK = "migops-rollback"
"""The tag under which the image that ran before a deploy is kept."""


@dataclass(frozen=True, slots=True)
class Compose:
    """The compose CLI: ``words`` as the user calls it for this project, options and all."""

    words: Words

    def build(self, services: Sequence[str], *, cache: bool, pull: bool) -> Words:
        """Build the images of the services."""
        flags = (*(() if cache else ("--no-cache",)), *(("--pull",) if pull else ()))
        return (*self.words, "build", *flags, *services)

    def pull(self, services: Sequence[str]) -> Words:
        """Fetch the images of services that are not built here."""
        return (*self.words, "pull", *services)

    def start(self, services: Sequence[str]) -> Words:
        """Start what is not there yet, and leave alone what is: databases and the like."""
        return (*self.words, "up", "-d", "--no-deps", "--no-recreate", *services)

    def recreate(
        self, services: Sequence[str], *, renew: bool = False, force: bool = False,
        scale: Mapping[str, int] | None = None,
    ) -> Words:  # fmt: skip
        """Create the services' containers anew where they are not what they should be.

        ``force`` creates all of them anew, ``renew`` their anonymous volumes as well. ``scale`` keeps a number of
        replicas that the compose file does not know of.
        """
        flags = ("--force-recreate", "-V") if renew else ("--force-recreate",) if force else ()
        scales = tuple(word for name, number in (scale or {}).items() for word in ("--scale", f"{name}={number}"))
        return (*self.words, "up", "-d", "--no-deps", "--no-build", "--pull", "never", *flags, *scales, *services)

    def stop(self, services: Sequence[str]) -> Words:
        """Stop the services' containers."""
        return (*self.words, "stop", *services)


def with_override(project: Project, compose: Compose, program: Words, override: str) -> Compose:
    """The compose CLI for the project with one more file; all that compose finds by itself is named then.

    ``compose`` is how the user calls it: its --env-file are said again.
    """
    words = [*program, "-p", project.name, "--project-directory", project.directory]
    for file in (*project.files, override):
        words += ["-f", file]
    for profile in project.profiles:
        words += ["--profile", profile]
    for word, value in pairwise(compose.words):
        if word == "--env-file":
            words += [word, value]
    return Compose(tuple(words))


def override(service: Service, image_id: str, hidden: Sequence[str] = ()) -> str:
    """A compose file by which the service is run from just this image.

    ``hidden`` are folders of the image that no volume may lie over: the volumes that do are left out.
    """
    lines = ["services:", f"  {json.dumps(service.name)}:", f"    image: {json.dumps(image_id)}"]
    lines.append("    pull_policy: never")
    volumes: Sequence[Mapping[str, Any]] = service.raw.get("volumes") or ()
    kept = [each for each in volumes if not (each.get("type") == "volume" and _covers(each, hidden))]
    if len(kept) < len(volumes):
        shown = json.dumps(kept).replace("$", "$$")  # what was interpolated once must not be so again
        lines.append(f"    volumes: !override {shown}")
    return "\n".join(lines) + "\n"


def _covers(volume: Mapping[str, Any], folders: Sequence[str]) -> bool:
    return any(at_or_below(folder, str(volume.get("target"))) for folder in folders)


def migrating(project: str) -> str:
    """The name of the container that migrates: fixed, so that there is only ever one."""
    return f"migops-{project}-migrate"


def rollback_tag(ref: str) -> str:
    """The name under which the image that ran before is kept, beside ``ref``."""
    name, _, last = ref.partition("@")[0].rpartition("/")
    return f"{name}/{last.partition(':')[0]}:{ROLLBACK}".lstrip("/")
