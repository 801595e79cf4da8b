"""Files in containers that differ from both image and host, with identical replicas as one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from migops.analysis.chain import revision_ids
from migops.analysis.evidence import Evidence
from migops.analysis.script_diff import content_difference
from migops.core.model import MigrationFile, MigrationSet, PlaceName, Severity
from migops.sources.container_model import Container, digests
from migops.sources.environment import Environment
from migops.sources.git_status import GitStatus
from migops.sources.mounts import Mount

HOST, IMAGE, CONTAINER = PlaceName.HOST, PlaceName.IMAGE, PlaceName.CONTAINER


@dataclass(frozen=True, slots=True)
class Script:
    """A file that Alembic sees in containers and that differs from image and host. ``path`` is its path there."""

    name: str
    path: str
    revision: str
    ours: MigrationFile | None
    theirs: MigrationFile | None
    is_script: bool
    record: GitStatus

    @property
    def is_ours_alone(self) -> bool:
        return self.ours is not None and self.theirs is None

    @property
    def severity(self) -> Severity | None:
        """A warning for a difference that does not change the migration; None for the rule's own severity."""
        if self.ours and self.theirs and content_difference(self.ours.content, self.theirs.content) != "content":
            return Severity.WARNING
        return None if self.is_script else Severity.WARNING


@dataclass(frozen=True, slots=True)
class View:
    """The files of one container, or of several identical ones: replicas are one finding."""

    containers: tuple[Container, ...]
    held: MigrationSet
    image_id: str
    scripts: tuple[Script, ...]

    @property
    def container(self) -> Container:
        return self.containers[0]

    @property
    def name(self) -> str:
        return " and ".join(each.name for each in self.containers)

    def under(self, wanted: Callable[[Mount], bool]) -> list[tuple[Mount, list[Script]]]:
        """The scripts under mounts of that kind, by mount."""
        found: dict[Mount, list[Script]] = {}
        for script in self.scripts:
            mount = self.container.cover(script.path)
            if mount is not None and wanted(mount):
                found.setdefault(mount, []).append(script)
        return list(found.items())

    def written(self) -> list[Script]:
        """The scripts that the writable layer changed."""
        return [script for script in self._bare() if self._is_written(script)]

    def of_image(self) -> list[Script]:
        """The scripts that differ because the container was created from another image."""
        return [script for script in self._bare() if not self._is_written(script)]

    def container_only(self) -> list[Script]:
        """The scripts that only the writable layer has: neither image nor host, nor git's history."""
        known = (GitStatus.DELETED, GitStatus.REMOVED_HERE)
        return [each for each in self.written() if each.is_script and each.ours and each.record not in known]

    def unsaved(self) -> list[Script]:
        """The scripts that only this container is known to have."""
        unseen = (GitStatus.NEVER, GitStatus.UNKNOWN)
        return [each for each in self.scripts if each.is_script and each.is_ours_alone and each.record in unseen]

    def _bare(self) -> list[Script]:
        return [script for script in self.scripts if self.container.cover(script.path) is None]

    def _is_written(self, script: Script) -> bool:
        return self.container.wrote(script.path) or self.container.image_id == self.image_id


def held_in(evidence: Evidence, place: PlaceName) -> MigrationSet:
    held = evidence.chain.held(place)
    if held is None:
        raise LookupError(f"a rule of MIG2 ran without the {place.value}; its Rule must name it in `needs`")
    return held


def views(evidence: Evidence, *, one_off: bool = False) -> Iterator[View]:
    """The containers' files, with ``one_off`` including those of `docker compose run`; identical containers once."""
    alike: dict[tuple[object, ...], list[Container]] = {}
    for each in evidence.containers:
        if each.migrations is not None and (one_off or not each.one_off):
            shown = frozenset(digests(each.migrations).items()), frozenset(_around(each.migrations).items())
            alike.setdefault((each.image_id, each.mounts, each.written, each.one_off, shown), []).append(each)
    for containers in alike.values():
        found = containers[0].found
        if isinstance(found, Environment):
            yield View(
                tuple(containers), found.migrations, evidence.image.id if evidence.image else "",
                tuple(_scripts(evidence, found)),
            )  # fmt: skip


def _scripts(evidence: Evidence, environment: Environment) -> Iterator[Script]:
    """The files of a container that differ from both the image and the host.

    A file that equals the host's is right; if the image differs from it, another rule reports that.
    """
    held, image, host = environment.migrations, held_in(evidence, IMAGE), held_in(evidence, HOST)
    ids = revision_ids(image) | revision_ids(held)
    on_host = set(revision_ids(host).values())
    sides = ((held.scripts, image.scripts, host.scripts), (held.environment, image.environment, host.environment))
    for ours, theirs, right in sides:
        for name in sorted(ours.keys() | theirs.keys()):
            digest = _digest(ours, name)
            if digest in (_digest(theirs, name), _digest(right, name)):
                continue
            if name in ours and name not in right and name not in theirs and ids.get(name) in on_host:
                continue  # the host has the revision, under another name
            record = evidence.git_records.get(name)
            yield Script(
                name,
                ours[name].path if name in ours else _path_of(environment, theirs[name]),
                ids.get(name, ""),
                ours.get(name),
                theirs.get(name),
                right is host.scripts,
                record.kind if record else GitStatus.UNKNOWN,
            )


def _digest(files: Mapping[str, MigrationFile], name: str) -> str:
    return files[name].sha256 if name in files else ""


def _path_of(found: Environment, theirs: MigrationFile) -> str:
    """The path in the container of a file that only the image has."""
    beside = posixpath.join(found.paths.script_location, theirs.name)
    return beside if theirs.path.endswith(f"/{theirs.name}") and "/" in theirs.name else theirs.path


def _around(held: MigrationSet) -> dict[str, str]:
    return {name: file.sha256 for name, file in held.environment.items()}


def differing(left: MigrationSet, right: MigrationSet) -> set[str]:
    """The names of the scripts that differ between two places."""
    return {name for name, _ in digests(left).items() ^ digests(right).items()}
