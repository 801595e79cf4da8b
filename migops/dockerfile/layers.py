"""Changes that instructions make to a stage's files, on top of the stage's base."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from migops.core.model import EntryKind
from migops.dockerfile.paths import below, join, related
from migops.dockerfile.patterns import Matcher
from migops.dockerfile.tree import Node, Origin, Source, Tree


@dataclass(frozen=True, slots=True)
class Graft:
    """``COPY``: the ``source`` of a tree, file or folder, copied over the image at ``dest``."""

    step: Source
    tree: Tree
    source: str
    dest: str
    exclude: Matcher = field(default_factory=Matcher)
    include: Matcher = field(default_factory=Matcher)

    def lookup(self, path: str, raw: bool = False) -> Node | None:
        inside = below(path, self.dest)
        if inside is None:
            return Node(EntryKind.DIRECTORY, steps=(self.step,)) if below(self.dest, path) is not None else None
        node = self.tree.lookup(join(self.source, inside), raw)
        if node is None or not self._passes(inside, path, node, raw):
            return None
        return replace(node, steps=(*node.steps, self.step))

    def names(self, path: str, raw: bool = False) -> set[str]:
        inside = below(path, self.dest)
        if inside is not None:
            return self.tree.names(join(self.source, inside), raw)
        outside = below(self.dest, path)
        return {outside.split("/")[0]} if outside else set()

    def _passes(self, inside: str, path: str, node: Node, raw: bool) -> bool:
        if not inside or not (self.exclude.patterns or self.include.patterns):
            return True
        included = not self.include.patterns or self.include.judge(inside).matched_by is not None
        kept = included and self.exclude.judge(inside).matched_by is None
        if kept or node.kind is not EntryKind.DIRECTORY:
            return kept
        return any(self.lookup(join(path, name), raw) for name in self.names(path, raw))

    def sources(self, path: str) -> Iterator[Source]:
        inside = below(path, self.dest)
        if inside is None and below(self.dest, path) is None:
            return
        wanted = join(self.source, inside or "")
        earlier = list(self.tree.sources(wanted))
        yield from earlier
        if earlier or self.tree.lookup(wanted, raw=True):
            yield self.step
        elif self.step.origin is Origin.STAGE and self.tree.lookup(self.source) is None:
            yield replace(self.step, unknown=f"{self.source} of that stage comes from its base image or a RUN")

    def images_of(self, host: Path) -> Iterator[str]:
        for path in self.tree.images_of(host):
            inside = below(path, self.source)
            if inside is not None:
                yield join(self.dest, inside)


@dataclass(frozen=True, slots=True)
class Folder:
    """``WORKDIR``, ``RUN mkdir``: a new folder."""

    dest: str


@dataclass(frozen=True, slots=True)
class Text:
    """``COPY <<EOF``: a file with content from the Dockerfile."""

    step: Source
    dest: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Doubt:
    """A possible change of ``paths``, and of everything above and below them, that only the build can determine."""

    step: Source
    paths: tuple[str, ...] = ()
    removes: bool = False  # it can only remove existing files
    packages: bool = False  # it installs Python packages, to any path

    def touches(self, path: str) -> bool:
        """True if the change may affect ``path``."""
        if self.packages and ("/site-packages" in path or "/dist-packages" in path):
            return True
        return any(related(path, one) for one in self.paths)


@dataclass(slots=True)
class StageTree:
    """A stage: its base, and its instructions' changes in order. ``base`` is None for an image that is not read.

    Answers are cached (by the number of changes they depend on): otherwise stages that each copy twice from the one
    before would double the work with every stage.
    """

    base: Tree | None = None
    changes: list[Graft | Folder | Text | Doubt] = field(default_factory=list)
    _nodes: dict[tuple[str, bool, int], Node | None] = field(default_factory=dict, repr=False)
    _names: dict[tuple[str, bool, int], set[str]] = field(default_factory=dict, repr=False)
    _sources: dict[tuple[str, int], tuple[Source, ...]] = field(default_factory=dict, repr=False)
    _images: dict[tuple[Path, int], tuple[str, ...]] = field(default_factory=dict, repr=False)

    def lookup(self, path: str, raw: bool = False) -> Node | None:
        key = path, raw, len(self.changes)
        if key not in self._nodes:
            self._nodes[key] = self._lookup(path, raw)
        return self._nodes[key]

    def _lookup(self, path: str, raw: bool) -> Node | None:
        folder = None
        for change in reversed(self.changes):
            node = _lookup(change, path, raw)
            if node and node.kind is not EntryKind.DIRECTORY:
                return folder or node
            folder = folder or node
        return folder or (self.base.lookup(path, raw) if self.base else None)

    def names(self, path: str, raw: bool = False) -> set[str]:
        key = path, raw, len(self.changes)
        if key not in self._names:
            names = set(self.base.names(path, raw)) if self.base else set()
            for change in self.changes:
                if isinstance(change, Graft):
                    names |= change.names(path, raw)
                elif not isinstance(change, Doubt) and (rest := below(change.dest, path)):
                    names.add(rest.split("/")[0])
            self._names[key] = names
        return self._names[key]

    def sources(self, path: str) -> tuple[Source, ...]:
        key = path, len(self.changes)
        if key not in self._sources:
            instructions = dict.fromkeys(self.base.sources(path) if self.base else ())
            for change in self.changes:
                # Removing nothing leaves nothing in doubt.
                if not (isinstance(change, Doubt) and change.removes and not instructions):
                    instructions |= dict.fromkeys(_sources(change, path))
            self._sources[key] = tuple(instructions)
        return self._sources[key]

    def images_of(self, host: Path) -> tuple[str, ...]:
        key = host, len(self.changes)
        if key not in self._images:
            paths = dict.fromkeys(self.base.images_of(host) if self.base else ())
            for change in self.changes:
                paths |= dict.fromkeys(change.images_of(host) if isinstance(change, Graft) else ())
            self._images[key] = tuple(paths)
        return self._images[key]


def _lookup(change: Graft | Folder | Text | Doubt, path: str, raw: bool) -> Node | None:
    if isinstance(change, Graft):
        return change.lookup(path, raw)
    if isinstance(change, Doubt) or below(change.dest, path) is None:
        return None
    if isinstance(change, Text) and change.dest == path:
        return Node(EntryKind.FILE, content=change.content, steps=(change.step,))
    return Node(EntryKind.DIRECTORY)


def _sources(change: Graft | Folder | Text | Doubt, path: str) -> Iterator[Source]:
    if isinstance(change, Graft):
        yield from change.sources(path)
    elif (isinstance(change, Doubt) and change.touches(path)) or (
        isinstance(change, Text) and below(change.dest, path) is not None
    ):
        yield change.step
