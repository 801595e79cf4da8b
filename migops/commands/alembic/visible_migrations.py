"""The migrations that Alembic will see where it runs, and what of them is different on the host. Only reads."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migops import collect
from migops.collect import Survey
from migops.core.model import MigrationFile, MigrationSet, PlaceName
from migops.core.terminal import shell_line
from migops.core.text import first_few
from migops.migrations.graph import Graph
from migops.runner.execution_target import ExecutionTarget
from migops.sources.environment import Environment
from migops.sources.mounts import at_or_below
from migops.target import Target

HOSTS_FOLDER = "the host's folder"
_NAMED = 5  # revisions or files that a sentence names


@dataclass(frozen=True, slots=True)
class History:
    """The migrations that Alembic will see, and in words whose they are; ``is_image``: a build changes them."""

    graph: Graph
    held: MigrationSet
    place: str
    is_image: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """What the host and the place where Alembic runs do not have in common.

    ``host_only`` and ``place_only`` are revisions in the order of an upgrade, ``moved`` those of both that follow other
    revisions here and there, ``changed`` the names of files (scripts, env.py) whose text differs in more than form.
    ``fix`` is the command that helps.
    """

    place: str
    host_only: tuple[str, ...]
    place_only: tuple[str, ...]
    moved: tuple[str, ...]
    changed: tuple[str, ...]
    fix: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.of_history or self.changed)

    @property
    def of_history(self) -> bool:
        """Whether the two histories differ: a new revision would follow upon another one than on the host."""
        return bool(self.host_only or self.place_only or self.moved)

    @property
    def command(self) -> str:
        """``fix`` as it is typed."""
        return shell_line(self.fix)

    def sentence(self) -> str:
        """What differs."""
        return "; ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        if self.host_only:
            yield f"the host has {some(self.host_only)}, which {self.place} lacks"
        if self.place_only:
            yield f"{self.place} has {some(self.place_only)}, which the host lacks"
        if self.moved:
            yield f"{some(self.moved)} {_follows(self.moved)} other revisions on the host than in {self.place}"
        if self.changed:
            yield f"{some(self.changed)} has another text on the host than in {self.place}"


def some(names: tuple[str, ...]) -> str:
    """A few names, and how many more there are."""
    return first_few(names, _NAMED)


def seen(target: Target, read: Survey, where: ExecutionTarget) -> History | None:
    """What Alembic will see where it runs; None where that cannot be told before, because a volume lies over it."""
    container = where.container
    if container is not None:
        found = container.found
        if not isinstance(found, Environment):
            return None
        is_image = not any(container.cover(folder) for folder in found.migrations.location)
        return History(found.graph, found.migrations, container.name, is_image)
    held, graph = where.held, read.graphs.get(PlaceName.IMAGE)
    if held is None or graph is None:
        return None
    covers = _covers(target, held)
    if not any(covers):
        return History(graph, held, "the image", is_image=True)
    host = collect.host(target)
    bound = [_below(cover, folder) for cover, folder in zip(covers, held.location, strict=True)]
    if sorted(bound) == sorted(host.migrations.location):
        return History(host.graph, host.migrations, HOSTS_FOLDER)
    beside = where.beside
    if beside is not None and isinstance(beside.found, Environment):
        return History(beside.found.graph, beside.found.migrations, f"what is mounted in {beside.name}")
    return None


def compare(target: Target, history: History, host: Environment | None = None) -> Gap:
    """Compare the place with the host (which is read unless it is given). Raises MigopsError where that cannot be."""
    if history.place == HOSTS_FOLDER:
        return Gap(history.place, (), (), (), (), ())
    host = host or collect.host(target)
    ours, theirs = host.graph, history.graph
    host_only = tuple(dict.fromkeys(each.id for each in ours.revisions if each.id not in theirs.by_id))
    place_only = tuple(dict.fromkeys(each.id for each in theirs.revisions if each.id not in ours.by_id))
    moved = tuple(
        name for name in ours.by_id.keys() & theirs.by_id.keys()
        if set(ours.by_id[name].parents) != set(theirs.by_id[name].parents)
    )  # fmt: skip
    changed = (
        *_changed(host.migrations.scripts, history.held.scripts),
        *_changed(host.migrations.environment, history.held.environment),
    )
    build = target.commands.build() if history.is_image and not place_only else ()
    if not build or (host_only and not _brings(target, host_only)):
        build = target.commands.migops("check-image")
    return Gap(history.place, host_only, place_only, tuple(sorted(moved)), changed, build)


def _brings(target: Target, revisions: tuple[str, ...]) -> bool:
    """False if a build as it is would not bring these revisions; True also where nobody can tell."""
    if target.build is None:
        return True
    survey = collect.context(target)
    graph = survey.graphs.get(PlaceName.CONTEXT)
    return not survey.not_copied and (graph is None or set(revisions) <= graph.by_id.keys())


def _covers(target: Target, held: MigrationSet) -> list[tuple[str, str]]:
    """For each versions folder the source and target of the bind mount that a one-off has over it.

    ('', '') where the image shows, ('?', …) where a volume of another kind lies over it.
    """
    service = target.model.services[target.service] if target.model else None
    covers = []
    for folder in held.location:
        over = [each for each in service.volumes if at_or_below(folder, each.target)] if service else []
        mount = max(over, key=lambda each: len(each.target), default=None)
        source = "" if mount is None else str(mount.source) if mount.type == "bind" else "?"
        covers.append((source, mount.target) if mount else ("", ""))
    return covers if any(source for source, _ in covers) else []


def _below(cover: tuple[str, str], folder: str) -> str:
    """Where on the host a folder of the container lies, under a bind mount."""
    source, target = cover
    return posixpath.normpath(posixpath.join(source, posixpath.relpath(folder, target)))


def _changed(ours: Mapping[str, MigrationFile], theirs: Mapping[str, MigrationFile]) -> Iterator[str]:
    """The files that both have, with another text. Line ends and the like do not count."""
    for name in sorted(ours.keys() & theirs.keys()):
        left, right = ours[name], theirs[name]
        if left.sha256 != right.sha256:
            from migops.analysis.script_diff import content_difference  # with all the rules: only a difference pays

            if content_difference(left.content, right.content) == "content":
                yield name


def _follows(names: tuple[str, ...]) -> str:
    return "follows" if len(names) == 1 else "follow"
