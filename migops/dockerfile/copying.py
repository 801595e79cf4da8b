"""``COPY`` and ``ADD``: the files of a source and their destinations.

Reference: moby/buildkit, ``dockerfile2llb`` (dispatchCopy) and tonistiigi/fsutil, ``copy``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace

from migops.core.errors import MigopsError
from migops.core.model import EntryKind, Location
from migops.dockerfile.instruction import Instruction
from migops.dockerfile.layers import Doubt, Graft, Text
from migops.dockerfile.lex import expand
from migops.dockerfile.paths import clean, join
from migops.dockerfile.patterns import Matcher, glob_match, matcher
from migops.dockerfile.state import Failure, State, UnsetError, path_word
from migops.dockerfile.tree import Node, Origin, Source, Tree, resolve

# Folders that every distribution's image has: a file copied to one of them goes into it.
_USUAL_FOLDERS = """
    / /bin /boot /dev /etc /home /lib /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/bin /usr/lib
    /usr/local /usr/local/bin /usr/local/lib /usr/local/sbin /usr/local/share /usr/sbin /usr/share /var /var/lib
    /var/log /var/tmp
"""
_ARCHIVES = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True)
class From:
    """The source of an instruction's files."""

    origin: Origin
    tree: Tree | None  # None: cannot be read
    unknown: str = ""  # the reason why it cannot be read


@dataclass(frozen=True, slots=True)
class _Destination:
    """The destination of an instruction, with links followed."""

    path: str
    spelled: bool  # its spelling makes it a folder: ``.``, or a trailing slash
    folder: bool  # is a folder, or becomes one


def copy(one: Instruction, origin: From, state: State) -> None:
    """Apply a ``COPY`` or ``ADD`` to the stage, source by source. Raises LexError, UnsetError or MigopsError."""
    step = Source(origin.origin, one.at, one.text)
    target = path_word(one.args[-1], state)
    for written in one.args[:-1]:
        destination = _destination(target, state)
        if not one.is_json and one.heredoc(written):
            _write(one, written, destination, state)
            continue
        word = path_word(written, state)
        remote = _remote(word) if one.name == "ADD" else None
        if remote:
            fetched = replace(step, origin=remote, unknown=f"it is fetched from {word} when the build runs")
            state.tree.changes.append(Doubt(fetched, (destination.path,)))
        elif origin.tree is None:
            state.tree.changes.append(Doubt(replace(step, unknown=origin.unknown), (destination.path,)))
        else:
            _graft_all(one, step, origin.tree, word, destination, state)


def _destination(word: str, state: State) -> _Destination:
    spelled = word in (".", "") or word.endswith("/") or (word.startswith("/") and word.endswith("/."))
    if not word.startswith("/"):
        if state.workdir is None:
            raise UnsetError(f"the destination is relative to the WORKDIR of the image {state.image}")
        word = posixpath.join(state.workdir, word)
    path = resolve(state.tree, clean(word))
    return _Destination(path, spelled, spelled or _is_folder(state, path))


def _write(one: Instruction, written: str, destination: _Destination, state: State) -> None:
    heredoc = one.heredoc(written)
    if heredoc:
        content = expand(heredoc.content, state.env, plain_quotes=True).text if heredoc.expand else heredoc.content
        path = join(destination.path, heredoc.name) if destination.folder else destination.path
        step = Source(Origin.HEREDOC, one.at, one.text)
        state.tree.changes.append(Text(step, path, content.encode("utf-8", "surrogateescape")))


def _graft_all(one: Instruction, step: Source, tree: Tree, word: str, to: _Destination, state: State) -> None:
    """Graft everything that one source word matches."""
    exclude = matcher(one.flag_values("exclude"), one.at)
    include = Matcher()
    if one.flag("parents") == "true":
        pivot, marker, pattern = word.partition("/./")
        word, pattern = (pivot, pattern) if marker else ("/", word)
        include = matcher([clean("/" + pattern)[1:] or "."], one.at)
    source = clean("/" + word)
    if not _has_wildcard(source):
        real = resolve(tree, source, raw=True)
        node = tree.lookup(real, raw=True)
        if node and tree.lookup(real) is None:
            state.failures.append(Failure(one.at, f"{source} is kept out of the context by {node.ignored}"))
        _graft(one, Graft(step, tree, real, source, exclude, include), node, to, state)
        return
    for match in _glob(tree, source, one.at):
        real = resolve(tree, match, raw=True)
        _graft(one, Graft(step, tree, real, match, exclude, include), tree.lookup(real, raw=True), to, state)


def _graft(one: Instruction, graft: Graft, node: Node | None, to: _Destination, state: State) -> None:
    """Graft one source onto the image. ``graft.dest`` is still the source's own name, which a file may keep."""
    changes, step = state.tree.changes, graft.step
    if node is None:
        if step.origin is Origin.STAGE:
            # The stage's base image, or one of its RUNs, has it: the graft reports that later.
            changes.append(replace(graft, dest=to.path))
            return
        reason = f"{graft.dest.lstrip('/')} is not in the build context: the build would fail here"
        state.failures.append(Failure(one.at, reason))
        changes.append(Doubt(replace(step, unknown=reason), (to.path,)))
    elif one.name == "ADD" and _is_archive(node):
        unpacked = replace(step, origin=Origin.ARCHIVE, unknown=f"it is unpacked from {node.host}")
        changes.append(Doubt(unpacked, (to.path,)))
    elif node.kind is EntryKind.DIRECTORY or not to.folder:
        _collide(one, to.path, node.kind, state)
        changes.append(replace(graft, dest=to.path))
    elif one.flag("link") == "true" and not to.spelled:
        reason = f"with --link it depends on the engine's image store whether {to.path} stays a folder"
        changes.append(Doubt(replace(step, unknown=reason), (to.path,)))
    else:
        dest = join(to.path, posixpath.basename(graft.dest))
        _collide(one, dest, node.kind, state)
        changes.append(replace(graft, dest=dest))


def _collide(one: Instruction, dest: str, kind: EntryKind, state: State) -> None:
    """Record the build's failure if a file would replace a folder, or a folder (or its parent) a file.

    Only the top of the copied tree is compared: a conflict further down would require walking both trees.
    """
    there = state.tree.lookup(dest)
    if kind is not EntryKind.DIRECTORY and there and there.kind is EntryKind.DIRECTORY:
        state.failures.append(Failure(one.at, f"{dest} is a folder already, and a file cannot replace it"))
    parent = posixpath.dirname(dest)
    for folder in [dest, parent] if kind is EntryKind.DIRECTORY else [parent]:
        there = state.tree.lookup(folder)
        if there and there.kind is not EntryKind.DIRECTORY:
            state.failures.append(Failure(one.at, f"{folder} is a file already, and no folder"))


def _is_folder(state: State, path: str) -> bool:
    node = state.tree.lookup(path)
    if node is None:
        return path == "/" or (state.image != "" and path in _USUAL_FOLDERS.split())
    return node.kind is EntryKind.DIRECTORY


def _glob(tree: Tree, pattern: str, at: Location) -> Iterator[str]:
    """The paths that match a source with wildcards. Links are followed only in parts before the first wildcard."""
    parts = pattern.strip("/").split("/")
    first = next(index for index, part in enumerate(parts) if _has_wildcard(part))
    folders = [resolve(tree, "/" + "/".join(parts[:first]), raw=True)]
    for part in parts[first:]:
        folders = [
            join(folder, name)
            for folder in folders
            for name in sorted(tree.names(folder, raw=True))
            if glob_match(part, name, at)
        ]
    yield from folders


def _has_wildcard(path: str) -> bool:
    at = 0
    while at < len(path):
        if path[at] in "*?[":
            return True
        at += 2 if path[at] == "\\" else 1
    return False


def _remote(word: str) -> Origin | None:
    """The kind of download for a source of ``ADD``; None if it is not fetched from the network."""
    plain = word.partition("#")[0]
    if word.startswith(("git@", "git://", "ssh://")) or (
        word.startswith(("http://", "https://")) and plain.endswith(".git")
    ):
        return Origin.GIT
    return Origin.URL if word.startswith(("http://", "https://")) else None


def _is_archive(node: Node) -> bool:
    """True if ``ADD`` would unpack the file: a tar, plain or compressed, detected by its first bytes as in BuildKit."""
    if node.kind is not EntryKind.FILE or node.host is None:
        return False
    try:
        with node.host.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise MigopsError(f"cannot read the build context: {error.strerror}", at=Location(str(node.host))) from error
    return head.startswith(_ARCHIVES) or head[257:262] == b"ustar"
