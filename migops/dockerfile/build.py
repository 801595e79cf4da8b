"""The instructions of a stage, applied to a tree: what a build would do, as far as reading can tell."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migops.dockerfile import run
from migops.dockerfile.ignore import Matcher, clean, glob_match, matcher, read_ignore
from migops.dockerfile.lex import LexError, expand
from migops.dockerfile.parse import Instruction, heredoc_of
from migops.dockerfile.stages import Stage, Stages
from migops.dockerfile.tree import (
    ContextTree,
    Doubt,
    Folder,
    Graft,
    Node,
    Origin,
    Source,
    StageTree,
    Text,
    Tree,
    join,
    resolve,
)
from migops.errors import MigopsError
from migops.model import EntryKind, Location

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Folders that an image of any distribution has: a file copied to one of them goes into it.
_USUAL_FOLDERS = """
    / /bin /boot /dev /etc /home /lib /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/bin /usr/lib
    /usr/local /usr/local/bin /usr/local/lib /usr/local/sbin /usr/local/share /usr/sbin /usr/share /var /var/lib
    /var/log /var/tmp
"""
_ARCHIVES = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True)
class Failure:
    """An instruction at which the build would stop, and why."""

    at: Location
    reason: str


@dataclass(slots=True)
class State:
    """A stage while its instructions are applied.

    ``image`` is the image it rests on ("" = scratch) and ``image_at`` the FROM that names it. ``workdir`` is None while
    only that image knows it. ``shell``, ``entrypoint`` and ``cmd`` are as the image's config would have them.
    """

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
        copy = State(StageTree(self.tree), self.image, self.image_at, dict(self.env), dict(self.variables))
        copy.declared, copy.workdir, copy.shell = set(self.declared), self.workdir, self.shell
        copy.entrypoint, copy.cmd, copy.user = self.entrypoint, self.cmd, self.user
        copy.volumes, copy.labels = self.volumes, dict(self.labels)
        return copy


class _UnsetError(Exception):
    """A word that a path depends on uses a variable which only the base image could have set."""


@dataclass(slots=True)
class Builder:
    """Applies stages, each once. ``contexts`` are the named ones: a folder to read, or None for what cannot be read."""

    stages: Stages
    context: ContextTree
    escape: str
    build_args: Mapping[str, str]
    contexts: Mapping[str, Path | None]
    failures: list[Failure] = field(default_factory=list)
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
            return State(StageTree(tree), image="" if tree else name, image_at=stage.at)
        if base:
            return self.state(base).child()
        if stage.base == "scratch":
            return State(image_at=stage.at)
        return State(image=stage.base, image_at=stage.at, workdir=None)

    def _named(self, name: str) -> ContextTree | None:
        folder = self.contexts[name]
        return ContextTree(folder, read_ignore(folder)) if folder else None

    def _apply(self, one: Instruction, stage: Stage, state: State) -> None:
        try:
            if one.name in ("COPY", "ADD"):
                self._copy(one, stage, state)
            elif one.name == "RUN":
                self._run(one, state)
            elif one.name == "WORKDIR":
                self._workdir(one, state)
            else:
                self._configure(one, state)
        except LexError as error:
            raise MigopsError(f"failed to process {one.text!r}: {error}", at=one.at) from error
        except _UnsetError as error:
            state.tree.changes.append(Doubt(Source(Origin.IMAGE, one.at, one.text, str(error)), ("/",)))

    def _expand(self, word: str, state: State) -> str:
        return expand(word, state.env, escape=self.escape).text

    def _path(self, word: str, state: State) -> str:
        """``word`` expanded, for a path: a variable that only the base image could know makes it unknown."""
        result = expand(word, state.env, escape=self.escape)
        unset = sorted(result.unset - state.declared)
        if unset and state.image:
            raise _UnsetError(f"${unset[0]} is not set here, and may be set by the image {state.image}")
        return result.text

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
            state.cmd, state.cmd_set = self._command(one, state), True
        elif one.name == "ENTRYPOINT":
            state.entrypoint = self._command(one, state)
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
            path = self._path(one.args[0], state)
        except _UnsetError:
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
        with contextlib.suppress(LexError):  # a shell reads what Dockerfile words do not; then the text has to do
            script = expand(script, state.env, keep_quotes=True, keep_escapes=True, keep_unset=True).text
        workdir = state.workdir or "/"
        for folder in run.made_folders(script, workdir):
            state.tree.changes.append(Folder(resolve(state.tree, folder)))
        mounted = [_mount_target(value, workdir) for value in one.flag_values("mount")]
        for effect in run.effects(script, workdir):
            # What happens under a mount is gone with it.
            paths = tuple(p for p in effect.paths if not any(m and (p + "/").startswith(m + "/") for m in mounted))
            if paths or effect.packages:
                source = Source(
                    effect.origin, one.at, one.text, "a RUN may have changed it, and only the build can tell"
                )
                state.tree.changes.append(Doubt(source, paths, effect.removes, effect.packages))

    def _copy(self, one: Instruction, stage: Stage, state: State) -> None:
        tree, origin, doubt = self._origin(one, stage)
        words = [self._path(word, state) if not heredoc_of(word) or one.is_json else word for word in one.args]
        dest, as_folder = self._destination(words[-1], state)
        step = Source(origin, one.at, one.text)
        for word, written in zip(words[:-1], one.args, strict=False):
            heredoc = None if one.is_json else one.heredoc(written)
            target = resolve(state.tree, dest)
            into = as_folder or _is_folder(state, target)
            if heredoc:
                content = heredoc.content
                if heredoc.expand:
                    content = expand(content, state.env, plain_quotes=True).text
                path = join(target, heredoc.name) if into else target
                text = Source(Origin.HEREDOC, one.at, one.text)
                state.tree.changes.append(Text(text, path, content.encode("utf-8", "surrogateescape")))
            elif one.name == "ADD" and (remote := _remote(word)):
                unknown = f"it is fetched from {word} when the build runs"
                state.tree.changes.append(Doubt(Source(remote, one.at, one.text, unknown), (target,)))
            elif tree is None:
                state.tree.changes.append(Doubt(Source(origin, one.at, one.text, doubt), (target,)))
            else:
                self._graft(one, step, tree, word, target, into, state)

    def _origin(self, one: Instruction, stage: Stage) -> tuple[Tree | None, Origin, str]:
        """The tree that the instruction copies from; None where it cannot be read, and why."""
        name = one.flag("from") if one.name == "COPY" else ""
        if not name:
            return self.context, Origin.CONTEXT, ""
        source = self.stages.source(name, stage, one.at)
        if source:
            return self.state(source).tree, Origin.STAGE, ""
        if name in self.contexts:
            return (
                self._named(name),
                Origin.CONTEXT,
                f"it comes from the build context {name!r}, which is not a local folder",
            )
        return None, Origin.IMAGE, f"it comes from the image {name}"

    def _destination(self, word: str, state: State) -> tuple[str, bool]:
        """The destination, absolute, and whether its spelling says that it is a folder."""
        as_folder = word in (".", "") or word.endswith("/") or (word.startswith("/") and word.endswith("/."))
        if not word.startswith("/"):
            if state.workdir is None:
                raise _UnsetError(f"the destination is relative to the WORKDIR of the image {state.image}")
            word = posixpath.join(state.workdir, word)
        return clean(word), as_folder

    def _graft(
        self, one: Instruction, step: Source, tree: Tree, word: str, target: str, into: bool, state: State
    ) -> None:
        exclude = matcher(one.flag_values("exclude"), one.at)
        include = Matcher()
        if one.flag("parents") == "true":
            pivot, found, pattern = word.partition("/./")
            word, pattern = (pivot, pattern) if found else ("/", word)
            include = matcher([clean("/" + pattern)[1:] or "."], one.at)
        source = clean("/" + word)
        wild = _has_wildcard(source)
        matches = list(_glob(tree, source, one.at)) if wild else [source]
        for match in matches:
            real = resolve(tree, match, raw=True)
            node = tree.lookup(real, raw=True)
            if node is None:
                self._missing(one, step, tree, match, target, state)
                continue
            if tree.lookup(real) is None and not wild:
                self.failures.append(Failure(one.at, f"{match} is kept out of the context by {node.ignored}"))
            if one.name == "ADD" and _is_archive(node):
                doubt = Source(Origin.ARCHIVE, one.at, one.text, f"it is unpacked from {node.host}")
                state.tree.changes.append(Doubt(doubt, (target,)))
                continue
            alone = node.kind is not EntryKind.DIRECTORY
            dest = join(target, posixpath.basename(match)) if alone and into else target
            self._collide(one, state, dest, node.kind)
            state.tree.changes.append(Graft(step, tree, real, dest, exclude, include))

    def _collide(self, one: Instruction, state: State, dest: str, kind: EntryKind) -> None:
        """Note that the build fails where a file would replace a folder, or a folder (or its parent) a file."""
        parent = posixpath.dirname(dest)
        folders = [dest, parent] if kind is EntryKind.DIRECTORY else [parent]
        there = state.tree.lookup(dest)
        if kind is not EntryKind.DIRECTORY and there and there.kind is EntryKind.DIRECTORY:
            self.failures.append(Failure(one.at, f"{dest} is a folder already, and a file cannot replace it"))
        for folder in folders:
            there = state.tree.lookup(folder)
            if there and there.kind is not EntryKind.DIRECTORY:
                self.failures.append(Failure(one.at, f"{folder} is a file already, and no folder"))

    def _missing(self, one: Instruction, step: Source, tree: Tree, match: str, target: str, state: State) -> None:
        if step.origin is Origin.STAGE:
            # The stage's base image, or one of its RUNs, has it: the graft says so when it is asked.
            state.tree.changes.append(Graft(step, tree, match, target))
            return
        reason = f"{match.lstrip('/')} is not in the build context: the build would fail here"
        self.failures.append(Failure(one.at, reason))
        state.tree.changes.append(Doubt(Source(step.origin, one.at, one.text, reason), (target,)))


def _is_folder(state: State, path: str) -> bool:
    node = state.tree.lookup(path)
    if node is None:
        return path == "/" or (state.image != "" and path in _USUAL_FOLDERS.split())
    return node.kind is EntryKind.DIRECTORY


def _glob(tree: Tree, pattern: str, at: Location) -> Iterator[str]:
    """The paths that a source with wildcards stands for; a folder behind a link is found only before the first one."""
    parts = pattern.strip("/").split("/")
    first = next(index for index, part in enumerate(parts) if _has_wildcard(part))
    found = [resolve(tree, "/" + "/".join(parts[:first]), raw=True)]
    for part in parts[first:]:
        found = [
            join(folder, name)
            for folder in found
            for name in sorted(tree.names(folder, raw=True))
            if glob_match(part, name, at)
        ]
    yield from found


def _has_wildcard(path: str) -> bool:
    at = 0
    while at < len(path):
        if path[at] in "*?[":
            return True
        at += 2 if path[at] == "\\" else 1
    return False


def _remote(word: str) -> Origin | None:
    """Whether a source of ``ADD`` is fetched from the network, and how."""
    plain = word.partition("#")[0]
    if word.startswith(("git@", "git://", "ssh://")) or (
        word.startswith(("http://", "https://")) and plain.endswith(".git")
    ):
        return Origin.GIT
    return Origin.URL if word.startswith(("http://", "https://")) else None


def _is_archive(node: Node) -> bool:
    """Whether ``ADD`` would unpack the file: a tar, plain or compressed, told by its first bytes as BuildKit does."""
    if node.kind is not EntryKind.FILE or node.host is None:
        return False
    try:
        with node.host.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise MigopsError(f"cannot read the build context: {error.strerror}", at=Location(str(node.host))) from error
    return head.startswith(_ARCHIVES) or head[257:262] == b"ustar"


def _mount_target(value: str, workdir: str) -> str:
    """Where ``RUN --mount=…`` mounts, "" where it does not say."""
    options = dict(part.partition("=")[::2] for part in value.split(","))
    target = options.get("target") or options.get("dst") or options.get("destination") or ""
    return clean(posixpath.join(workdir, target)) if target else ""
