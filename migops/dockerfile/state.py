"""A stage while its instructions are applied: its files and its image configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from migops.core.model import Location
from migops.dockerfile.layers import StageTree
from migops.dockerfile.lex import expand

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of a container whose image sets none."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An instruction at which the build would stop, and the reason."""

    at: Location
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """A RUN of the build: its script with the Dockerfile's variables expanded, and what it is run with."""

    at: Location
    text: str  # the instruction as written
    script: str
    workdir: str
    shell: tuple[str, ...]
    env: dict[str, str]


@dataclass(slots=True)
class State:
    """A stage while its instructions are applied. Fields named as in an image's configuration have its meaning."""

    escape: str  # the Dockerfile's escape character
    failures: list[Failure]  # shared by all stages of a build
    tree: StageTree = field(default_factory=StageTree)
    image: str = ""  # the base image; "" for scratch
    image_at: Location = field(default_factory=lambda: Location(""))  # the FROM that names it
    env: dict[str, str] = field(default_factory=lambda: {"PATH": DEFAULT_PATH})  # the values for expanding words
    variables: dict[str, str] = field(default_factory=dict)  # the part of ``env`` that the image keeps
    declared: set[str] = field(default_factory=set)  # the names of declared build arguments
    workdir: str | None = "/"  # None: only the base image defines it
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    cmd_set: bool = False
    command_at: Location | None = None  # the last CMD or ENTRYPOINT; None: only the base image has them
    user: str = ""
    volumes: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    def child(self) -> State:
        """The state of a stage that starts from this one, build arguments included."""
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
    """A path depends on a variable that only the base image could have set."""


def path_word(word: str, state: State) -> str:
    """``word`` expanded, for a path. Raises UnsetError for a variable that only the base image could have set."""
    result = expand(word, state.env, escape=state.escape)
    unset = sorted(result.unset - state.declared)
    if unset and state.image:
        raise UnsetError(f"${unset[0]} is not set here, and may be set by the image {state.image}")
    return result.text
