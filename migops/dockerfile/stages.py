"""A Dockerfile's stages, its global arguments, and the target stage of a build."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.dockerfile.instruction import Instruction
from migops.dockerfile.lex import LexError, expand
from migops.dockerfile.parse import Dockerfile

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_MOST_STAGES = 150  # each may depend on the one before, and following them is recursive


@dataclass(frozen=True, slots=True)
class Stage:
    """The instructions from one ``FROM`` to the next. ``base`` is its image or stage, with variables substituted."""

    index: int
    name: str
    base: str
    at: Location
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages in order, and the values of the ``ARG``s before the first ``FROM``."""

    stages: tuple[Stage, ...]
    arguments: Mapping[str, str]

    def base_of(self, stage: Stage) -> Stage | None:
        """The earlier stage that ``stage`` starts from; None if it starts from an image."""
        earlier = [one for one in self.stages[: stage.index] if one.name and one.name == stage.base.lower()]
        return earlier[-1] if earlier else None

    def source(self, name: str, user: Stage, at: Location) -> Stage | None:
        """The stage that ``--from=name`` refers to in stage ``user``; None if it refers to something else."""
        named = [one for one in self.stages if one.name and one.name == name.lower()]
        stage = named[-1] if named else None
        if name.isdecimal():
            if int(name) >= len(self.stages):
                raise MigopsError(f"there is no stage {name}", at=at)
            stage = self.stages[int(name)]
        if stage and stage.index >= user.index:
            raise MigopsError(f"cannot copy from stage {name!r}: it has to be defined before this one", at=at)
        return stage

    def target(self, name: str | None, file: str) -> Stage:
        """The stage to build, by name or number, or the last. Raises MigopsError if there is no such stage."""
        if name is None or name == "":
            return self.stages[-1]
        named = [one for one in self.stages if one.name and one.name == name.lower()]
        if not named and name.isdecimal() and int(name) < len(self.stages):
            return self.stages[int(name)]
        if not named:
            names = ", ".join(one.name for one in self.stages if one.name) or "none has a name"
            raise MigopsError(f"target stage {name!r} could not be found", at=Location(file), hint=f"stages: {names}")
        return named[-1]


def stages_of(dockerfile: Dockerfile, build_args: Mapping[str, str]) -> Stages:
    """The stages, their bases expanded with the global arguments. Raises MigopsError if BuildKit would reject them."""
    arguments = {name: build_args.get(name, value) for name, value in _platform_arguments().items()}
    stages: list[Stage] = []
    for one in dockerfile.instructions:
        if one.name == "FROM":
            base = _expand(one.args[0], arguments, dockerfile, one.at)
            if not base:
                raise MigopsError(f"base name ({one.args[0]}) should not be blank", at=one.at)
            name = one.args[2].lower() if len(one.args) == 3 else ""
            stages.append(Stage(len(stages), name, base, one.at, ()))
        elif stages:
            last = stages[-1]
            stages[-1] = Stage(last.index, last.name, last.base, last.at, (*last.instructions, one))
        elif one.name == "ARG":
            for word in one.args:
                name, given, default = word.partition("=")
                if name in build_args:
                    arguments[name] = build_args[name]
                elif given:
                    arguments[name] = _expand(default, arguments, dockerfile, one.at)
        else:
            raise MigopsError(f"no build stage in current context: {one.name} stands before the first FROM", at=one.at)
    if len(stages) > _MOST_STAGES:
        raise MigopsError(f"more than {_MOST_STAGES} stages: too many to follow", at=stages[_MOST_STAGES].at)
    if not stages:
        raise MigopsError("the Dockerfile has no FROM", at=Location(dockerfile.file))
    return Stages(tuple(stages), arguments)


def _expand(word: str, env: Mapping[str, str], dockerfile: Dockerfile, at: Location) -> str:
    try:
        return expand(word, env, escape=dockerfile.escape).text
    except LexError as error:
        raise MigopsError(f"failed to process {word!r}: {error}", at=at) from error


def _platform_arguments() -> dict[str, str]:
    """The arguments that BuildKit predefines, for a build on and for this machine's platform."""
    machine = os.uname().machine
    architecture = _MACHINES.get(machine, machine)
    values = {"PLATFORM": f"linux/{architecture}", "OS": "linux", "ARCH": architecture, "VARIANT": ""}
    return {side + name: value for side in ("BUILD", "TARGET") for name, value in values.items()} | {
        "TARGETSTAGE": "default"
    }
