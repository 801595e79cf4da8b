"""ENTRYPOINT and CMD of well-known base images, which a build needs not read: only those that are long-settled."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BaseCommand:
    """The command of a base image."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()


_REGISTRIES = re.compile(
    r"(docker\.io/library/|docker\.io/|library/|index\.docker\.io/library/|mirror\.gcr\.io/library/|mirror\.gcr\.io/"
    r"|public\.ecr\.aws/docker/library/)"
)
_PYTHON = BaseCommand((), ("python3",))
_SHELL = BaseCommand((), ("bash",))
_KNOWN = {
    "python": _PYTHON,
    "pypy": BaseCommand((), ("pypy3",)),
    "debian": _SHELL,
    "ubuntu": BaseCommand((), ("/bin/bash",)),
    "alpine": BaseCommand((), ("/bin/sh",)),
    "buildpack-deps": _SHELL,
    "fedora": BaseCommand((), ("/bin/bash",)),
    "rockylinux": BaseCommand((), ("/bin/bash",)),
    "almalinux": BaseCommand((), ("/bin/bash",)),
    "amazonlinux": BaseCommand((), ("/bin/bash",)),
    "continuumio/miniconda3": BaseCommand((), ("/bin/bash",)),
    "continuumio/anaconda3": BaseCommand((), ("/bin/bash",)),
    "ghcr.io/astral-sh/uv": BaseCommand((), ("/usr/local/bin/uv",)),
    "gcr.io/distroless/python3": BaseCommand(("/usr/bin/python3",), ()),
    "gcr.io/distroless/python3-debian11": BaseCommand(("/usr/bin/python3",), ()),
    "gcr.io/distroless/python3-debian12": BaseCommand(("/usr/bin/python3",), ()),
    "cgr.dev/chainguard/python": BaseCommand(("/usr/bin/python",), ()),
}
_PASSES_ON = frozenset(("node", "nginx", "nginxinc/nginx-unprivileged", "mambaorg/micromamba"))
"""Images whose entrypoint script prepares something and then runs the command that it is given."""


def command_of(ref: str) -> BaseCommand | None:
    """The command of a base image by its reference; None if it is not one of the known ones."""
    name = _REGISTRIES.sub("", ref.partition("@")[0], count=1) if _REGISTRIES.match(ref) else ref.partition("@")[0]
    head, slash, last = name.rpartition("/")
    name = f"{head}{slash}{last.partition(':')[0]}"
    if name == "ghcr.io/astral-sh/uv" and not re.search(
        r"python|debian|bookworm|trixie|alpine", last.partition(":")[2]
    ):
        return None  # the plain image has only the program, for COPY --from
    return BaseCommand() if name in _PASSES_ON else _KNOWN.get(name)
