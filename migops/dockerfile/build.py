"""Application of a stage's instructions in order, as far as a build's effect can be derived from the text."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migops.core.errors import MigopsError
from migops.dockerfile import run
from migops.dockerfile.context import ContextTree
from migops.dockerfile.copying import From, copy
from migops.dockerfile.ignore import read_ignore
from migops.dockerfile.instruction import Instruction
from migops.dockerfile.layers import Doubt, Folder, StageTree
from migops.dockerfile.lex import LexError, expand
from migops.dockerfile.paths import clean
from migops.dockerfile.stages import Stage, Stages
from migops.dockerfile.state import Failure, Run, State, UnsetError, path_word
from migops.dockerfile.tree import Origin, Source, resolve


@dataclass(slots=True)
class Builder:
    """Applies stages, each once. ``contexts`` are the named contexts: a folder, or None if it cannot be read."""

    stages: Stages
    context: ContextTree
    escape: str
    build_args: Mapping[str, str]
    contexts: Mapping[str, Path | None]
    failures: list[Failure] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    _done: dict[int, State] = field(default_factory=dict)

    def state(self, stage: Stage) -> State:
        """The stage after its last instruction."""
        if stage.index not in self._done:
            state = self._start(stage)
            for instruction in stage.instructions:
                self._apply(instruction, stage, state)
            self._done[stage.index] = state
        return self._done[stage.index]

    def _start(self, stage: Stage) -> State:
        base = self.stages.base_of(stage)
        if stage.name in self.contexts or (not base and stage.base in self.contexts):
            name = stage.name if stage.name in self.contexts else stage.base
            tree = self._named(name)
            image = "" if tree else name
            return State(*self._common, StageTree(tree), image, stage.at, workdir="/" if tree else None)
        if base:
            return self.state(base).child()
        if stage.base == "scratch":
            return State(*self._common, image_at=stage.at)
        return State(*self._common, image=stage.base, image_at=stage.at, workdir=None)

    @property
    def _common(self) -> tuple[str, list[Failure]]:
        return self.escape, self.failures

    def _named(self, name: str) -> ContextTree | None:
        folder = self.contexts[name]
        return ContextTree(folder, read_ignore(folder)) if folder else None

    def _apply(self, one: Instruction, stage: Stage, state: State) -> None:
        try:
            if one.name in ("COPY", "ADD"):
                copy(one, self._origin(one, stage), state)
            elif one.name == "RUN":
                self._run(one, state)
            elif one.name == "WORKDIR":
                self._workdir(one, state)
            else:
                self._configure(one, state)
        except LexError as error:
            raise MigopsError(f"failed to process {one.text!r}: {error}", at=one.at) from error
        except UnsetError as error:
            state.tree.changes.append(Doubt(Source(Origin.IMAGE, one.at, one.text, str(error)), ("/",)))

    def _expand(self, word: str, state: State) -> str:
        return expand(word, state.env, escape=state.escape).text

    def _configure(self, one: Instruction, state: State) -> None:
        if one.name in ("ENV", "LABEL"):
            words = [self._expand(word, state) for word in one.args]
            pairs = dict(zip(words[::2], words[1::2], strict=True))
            if one.name == "LABEL":
                state.labels |= pairs
            else:
                state.env |= pairs
                state.variables |= pairs
        elif one.name == "ARG":
            self._argument(one, state)
        elif one.name == "USER":
            state.user = self._expand(one.args[0], state)
        elif one.name == "VOLUME":
            state.volumes += tuple(self._expand(word, state) for word in one.args)
        elif one.name == "SHELL":
            state.shell = one.args
        elif one.name == "CMD":
            state.cmd, state.cmd_set, state.command_at = self._command(one, state), True, one.at
        elif one.name == "ENTRYPOINT":
            state.entrypoint, state.command_at = self._command(one, state), one.at
            state.cmd = state.cmd if state.cmd_set else None

    def _command(self, one: Instruction, state: State) -> tuple[str, ...]:
        return one.args if one.is_json else (*state.shell, *one.args)

    def _argument(self, one: Instruction, state: State) -> None:
        words = [word.partition("=") for word in one.args]
        expanded = [(self._expand(name, state), given, self._expand(value, state)) for name, given, value in words]
        for name, given, default in expanded:
            state.declared.add(name)
            if name in self.build_args:
                state.env[name] = self.build_args[name]
            elif given:
                state.env[name] = default
            elif name in self.stages.arguments:
                state.env[name] = self.stages.arguments[name]

    def _workdir(self, one: Instruction, state: State) -> None:
        try:
            path = path_word(one.args[0], state)
        except UnsetError:
            state.workdir = None
            return
        if not path.startswith("/"):
            if state.workdir is None:
                return
            path = posixpath.join(state.workdir, path)
        state.workdir = clean(path)
        state.tree.changes.append(Folder(resolve(state.tree, state.workdir)))

    def _run(self, one: Instruction, state: State) -> None:
        script = "\n".join([*one.args, *(heredoc.content for heredoc in one.heredocs)])
        if one.is_json:
            script = " ".join("'" + word.replace("'", "'\\''") + "'" for word in one.args)
        with contextlib.suppress(LexError):  # valid in a shell, not as Dockerfile words: keep the text
            script = expand(script, state.env, keep_quotes=True, keep_escapes=True, keep_unset=True).text
        workdir = state.workdir or "/"
        inner = "\n".join(heredoc.content for heredoc in one.heredocs)  # what a shell reads of `RUN <<EOF`
        self.runs.append(Run(one.at, one.text, inner or script, workdir, state.shell, dict(state.env)))
        for folder in run.made_folders(script, workdir):
            state.tree.changes.append(Folder(resolve(state.tree, folder)))
        mounted = [_mount_target(value, workdir) for value in one.flag_values("mount")]
        for effect in run.effects(script, workdir):
            # Changes below a mount disappear with it.
            paths = tuple(p for p in effect.paths if not any(m and (p + "/").startswith(m + "/") for m in mounted))
            if paths or effect.packages:
                source = Source(
                    effect.origin, one.at, one.text, "a RUN may have changed it, and only the build can tell"
                )
                state.tree.changes.append(Doubt(source, paths, effect.removes, effect.packages))

    def _origin(self, one: Instruction, stage: Stage) -> From:
        name = one.flag("from") if one.name == "COPY" else ""
        if not name:
            return From(Origin.CONTEXT, self.context)
        source = self.stages.source(name, stage, one.at)
        if source:
            return From(Origin.STAGE, self.state(source).tree)
        if name in self.contexts:
            unknown = f"it comes from the build context {name!r}, which is not a local folder"
            return From(Origin.CONTEXT, self._named(name), unknown)
        return From(Origin.IMAGE, None, f"it comes from the image {name}")


def _mount_target(value: str, workdir: str) -> str:
    """The target of ``RUN --mount=…``; '' if it has none."""
    options = dict(part.partition("=")[::2] for part in value.split(","))
    target = options.get("target") or options.get("dst") or options.get("destination") or ""
    return clean(posixpath.join(workdir, target)) if target else ""
