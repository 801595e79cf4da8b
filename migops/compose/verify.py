"""Comparison of migops' reading of a project with the compose CLI's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.compose.model import ComposeOptions, Project
from migops.compose.refusal import refused
from migops.compose.render import to_json
from migops.core.errors import Unavailable
from migops.core.process import run

SERVICE_KEYS = frozenset({
    "image", "build", "container_name", "command", "entrypoint", "working_dir", "user", "environment", "labels",
    "volumes", "tmpfs", "networks", "ports", "depends_on", "healthcheck", "profiles", "platform", "pull_policy",
    "restart", "scale", "deploy", "secrets", "configs", "pre_start",
})  # fmt: skip
_OF_HOOKS = (("image",), ("command",), ("entrypoint",))
TOP_KEYS = frozenset({"name", "services", "volumes", "networks", "secrets", "configs"})
"""The sections that migops' decisions depend on. A difference elsewhere is shown and changes nothing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A path whose value compose reads differently; the values are JSON, None if there is no value.

    ``matters``: migops' decisions depend on the path.
    """

    path: tuple[str, ...]
    ours: str | None
    theirs: str | None

    @property
    def matters(self) -> bool:
        """True if migops' decisions depend on the path."""
        if self.path[0] == "services" and len(self.path) > 2:
            key = self.path[2]
            if key == "pre_start" and self.path[3:]:  # what a hook inherits is shown by some versions and not by others
                return self.path[4:5] in ((), *_OF_HOOKS) and self.ours is not None
            return key in SERVICE_KEYS and (key != "deploy" or self.path[3:4] in ((), ("replicas",)))
        return self.path[0] in TOP_KEYS


def command_line(options: ComposeOptions, compose: tuple[str, ...]) -> list[str]:
    """The arguments of the CLI ``compose`` that print the project with these options."""
    line = list(compose)
    for flag, values in (("-f", options.files), ("--env-file", options.env_files), ("--profile", options.profiles)):
        for value in values:
            line += [flag, value]
    for flag, value in (("-p", options.project_name), ("--project-directory", options.project_directory)):
        if value:
            line += [flag, value]
    return [*line, "config", "--format", "json"]


def verify(project: Project, options: ComposeOptions, cwd: Path, compose: tuple[str, ...]) -> list[Difference]:
    """Differences from the compose CLI's reading, run with the same options in ``cwd``.

    Raises ``MigopsError`` if compose rejects the project, ``Unavailable`` if the CLI gives no answer.
    """
    done = run(command_line(options, compose), cwd=cwd, check=False)
    if done.code != 0:
        raise refused(project, compose, done.stderr)
    try:
        theirs = json.loads(done.stdout)
    except ValueError:
        message = f"`{' '.join(compose)} config` did not print JSON"
        raise Unavailable(message, hint="compose 2.26 or newer is needed") from None
    return differences(json.loads(to_json(project)), theirs)


def differences(ours: Any, theirs: Any, path: tuple[str, ...] = ()) -> list[Difference]:
    """Every path at which two documents differ; lists of equal length are compared item by item."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        different: list[Difference] = []
        for key in sorted({*ours, *theirs}):
            if key in ours and key in theirs:
                different += differences(ours[key], theirs[key], (*path, key))
            else:
                mine = json.dumps(ours[key]) if key in ours else None
                different.append(Difference((*path, key), mine, None if key in ours else json.dumps(theirs[key])))
        return different
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            one
            for index, (mine, other) in enumerate(zip(ours, theirs, strict=True))
            for one in differences(mine, other, (*path, f"[{index}]"))
        ]
    return [] if ours == theirs else [Difference(path, json.dumps(ours), json.dumps(theirs))]
