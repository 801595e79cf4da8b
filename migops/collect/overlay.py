"""Mounts of the compose file that will hide files of Alembic in a container that does not exist yet."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from migops.analysis.evidence import Hidden
from migops.collect.state import Survey
from migops.compose import Project, Service
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Entry, EntryKind, Location, MigrationFile, MigrationSet, PlaceName, Tree, Unknown
from migops.sources.environment import read_environment
from migops.sources.home import Home, Reader
from migops.sources.host import read_tree
from migops.sources.mounts import Mount, at_or_below, without_memory


@dataclass(frozen=True, slots=True)
class _Cover:
    """A mount, config or secret of a service that covers a path of its containers."""

    kind: str
    source: str
    """The host's path of a bind mount, or of a config or secret from a file; empty otherwise."""
    target: str
    key: str
    """The service's key in the compose file."""
    content: bytes | None = None
    """The contents of a config or secret that is not a file."""


def coming(survey: Survey, read: Reader, is_local: Callable[[], bool]) -> tuple[Hidden, ...]:
    """The files that the service's next container will see differently from image and host.

    Volumes are left out: a new one is filled from the image, and an existing one is read in its container.
    ``is_local`` returns True if the paths of bind mounts are this machine's.
    """
    project, home = survey.target.model, survey.home
    held, host = survey.places.get(PlaceName.IMAGE), survey.places.get(PlaceName.HOST)
    service = project.services.get(survey.target.service) if project else None
    if project is None or service is None or home is None:
        return ()
    if not isinstance(held, MigrationSet) or not isinstance(host, MigrationSet):
        return ()
    paths = (home.config, home.second, held.script_location, *held.location)
    near = [each for each in _covers(project, service) if any(_near(each.target, path) for path in paths)]
    hidden = []
    for cover in near:
        if cover.kind != "tmpfs" and not is_local():
            continue
        names = _otherwise(_over(cover, read), home, survey, (held, host))
        if names:
            at = _written(project, service, cover.key)
            shown = posixpath.basename(cover.source) if cover.kind in ("config", "secret") else cover.source
            hidden.append(Hidden(cover.kind, shown, cover.target, at, names))
    return tuple(hidden)


def _near(target: str, path: str) -> bool:
    return at_or_below(path, target) or at_or_below(target, path)


def _covers(project: Project, service: Service) -> Iterator[_Cover]:
    for entry in service.tmpfs:
        yield _Cover("tmpfs", "", _clean(entry.partition(":")[0]), "tmpfs")
    for mount in service.volumes:
        if mount.type in ("tmpfs", "bind"):
            source = mount.source if mount.type == "bind" else ""
            yield _Cover(mount.type, source, _clean(mount.target), "volumes")
    for kind, key, entries, folder in (
        ("config", "configs", service.configs, "/"), ("secret", "secrets", service.secrets, "/run/secrets"),
    ):  # fmt: skip
        declared = project.resolved.get(key) or {}
        for file in entries:
            written = declared.get(file.source) or {}
            target = _clean(posixpath.join(folder, file.target or file.source))
            text = written.get("content")
            if named := written.get("environment"):
                text = project.environment.get(str(named), "")
            content = str(text).encode() if text is not None else None
            yield _Cover(kind, str(written.get("file") or ""), target, key, content)


def _clean(path: str) -> str:
    return posixpath.normpath(path) or "/"


def _over(cover: _Cover, below: Reader) -> Reader:
    """A reader of ``below`` with one cover over it."""

    def read(paths: Sequence[str]) -> Tree:
        tree = below(paths)
        if not any(_near(cover.target, path) for path in paths):
            return tree
        if cover.kind == "tmpfs":
            return without_memory(tree, paths, (Mount("tmpfs", "", cover.target),))
        shown = {path: entry for path, entry in tree.items() if not at_or_below(path, cover.target)}
        for path in paths:
            if at_or_below(path, cover.target):
                shown.update(_of(cover, path[len(cover.target.rstrip("/")) :]))
            elif at_or_below(cover.target, path):
                shown.update(_of(cover, ""))
        return shown

    return read


def _of(cover: _Cover, below: str) -> Tree:
    """The entries at and below a path of a mount, by the container's paths."""
    if cover.content is not None:
        digest = hashlib.sha256(cover.content).hexdigest()
        entry = Entry(cover.target, EntryKind.FILE, len(cover.content), sha256=digest, content=cover.content)
        return {} if below else {cover.target: entry}
    source = Path(cover.source + below)
    at = cover.target.rstrip("/") + below
    if cover.source and not Path(cover.source).exists() and not below:
        return {at: Entry(at, EntryKind.DIRECTORY)}  # the engine creates the missing folder of a bind mount
    tree = read_tree([source], Path(cover.source)) if cover.source else {}
    moved = {at + path[len(str(source)) :]: entry for path, entry in tree.items()}
    return {path: replace(entry, path=path) for path, entry in moved.items()}


def _otherwise(read: Reader, home: Home, survey: Survey, right: Sequence[MigrationSet]) -> tuple[str, ...]:
    """The files that are equal neither to the image's nor to the host's."""
    try:
        environment = read_environment(read, home, survey.known)
    except Unavailable:
        return (posixpath.basename(home.config),)
    except MigopsError:
        return ()  # for example a link out of the folder, reported where the host is read
    if isinstance(environment, Unknown):
        return (posixpath.basename(home.config),)
    seen = environment.migrations
    names: list[str] = []
    for now, before in (
        (seen.scripts, [each.scripts for each in right]),
        (seen.environment, [each.environment for each in right]),
    ):
        known = {name for each in before for name in each}
        for name in sorted(now.keys() | known):
            if not any(_digest(now.get(name)) == _digest(each.get(name)) for each in before):
                names.append(name)
    return tuple(names)


def _digest(file: MigrationFile | None) -> str:
    return file.sha256 if file else ""


def _written(project: Project, service: Service, key: str) -> Location:
    """The place of the service's ``key`` in the compose file."""
    from migops.compose.explain import explain  # imported only if a mount covers the migrations

    found = explain(project.tree, f"services.{service.name}.{key}")
    return found[0].location if found else service.location
