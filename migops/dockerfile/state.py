"""A stage while its instructions are applied: its files, and what the image's config would say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from migops.core.model import Location
from migops.dockerfile.layers import StageTree
from migops.dockerfile.lex import expand

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Failure:
    """An instruction at which the build would stop, and why."""

    at: Location
    reason: str


@dataclass(slots=True)
class State:
    """A stage while its instructions are applied.

    ``image`` is the image it rests on ("" = scratch) and ``image_at`` the FROM that names it. ``workdir`` is None while
    only that image knows it. ``env`` is what words are expanded with, ``variables`` the part of it that the image
    keeps, ``declared`` the arguments that were named. ``shell``, ``entrypoint`` and ``cmd`` are as the image's config
    would have them. ``failures`` are shared by all stages of a build; ``escape`` is the Dockerfile's own.
    """

    escape: str
    failures: list[Failure]
    tree: StageTree = field(default_factory=StageTree)
    image: str = ""
    image_at: Location = field(default_factory=lambda: Location(""))
    env: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    variables: dict[str, str] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    workdir: str | None = "/"
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    cmd_set: bool = False
    user: str = ""
    volumes: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    def child(self) -> State:
        """The state of a stage that starts from this one: build arguments are inherited too."""
        return replace(
            self,
            tree=StageTree(self.tree),
            env=dict(self.env),
            variables=dict(self.variables),
            declared=set(self.declared),
            labels=dict(self.labels),
            cmd_set=False,
        )


class UnsetError(Exception):
    """A word that a path depends on uses a variable which only the base image could have set."""


def path_word(word: str, state: State) -> str:
    """``word`` expanded, for a path: a variable that only the base image could know makes it unknown."""
    result = expand(word, state.env, escape=state.escape)
    unset = sorted(result.unset - state.declared)
    if unset and state.image:
        raise UnsetError(f"${unset[0]} is not set here, and may be set by the image {state.image}")
    return result.text
