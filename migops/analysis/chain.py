"""The chain: places in order, the links between them, and for each script the first link at which it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migops.core.model import Link, LinkStatus, MigrationFile, MigrationSet, PlaceName, Reading, Row, Unknown

ORDER = tuple(PlaceName)


@dataclass(frozen=True, slots=True)
class Chain:
    """The places that were read, and the links between neighbours, both in the chain's order."""

    places: Mapping[PlaceName, Reading]
    links: tuple[Link, ...]

    def held(self, place: PlaceName) -> MigrationSet | None:
        """The migrations of the place, or None if it was not read; ``places`` has the reason."""
        reading = self.places.get(place)
        return reading if isinstance(reading, MigrationSet) else None

    def link(self, source: PlaceName, target: PlaceName) -> Link | None:
        """The link between two neighbours, if there is one."""
        return next((link for link in self.links if (link.source, link.target) == (source, target)), None)

    def first_break(self, name: str) -> Link | None:
        """The first link at which the script ``name`` changes: the cause.

        A link from git counts only if no later link breaks: an uncommitted script is worth reporting, but it never
        explains what Alembic reads in the image.
        """
        broken = [link for link in self.links if name in (*link.only_source, *link.only_target, *link.changed)]
        return next((link for link in broken if link.source is not PlaceName.GIT), broken[0] if broken else None)

    def rows(self) -> tuple[Row, ...]:
        """A row for each script that differs between two places, by name."""
        names = {name for link in self.links for name in (*link.only_source, *link.only_target, *link.changed)}
        sets = {place: held for place in ORDER if (held := self.held(place)) is not None}
        labels = {name: label for held in reversed(sets.values()) for name, label in revision_ids(held).items()}
        return tuple(self._row(name, labels.get(name, ""), sets) for name in sorted(names))

    def _row(self, name: str, label: str, sets: Mapping[PlaceName, MigrationSet]) -> Row:
        copies = {place: held.scripts.get(name) for place, held in sets.items()}
        # People look at the host's copy; without one, copies are compared with the first that exists.
        reference = copies.get(PlaceName.HOST) or next((copy for copy in copies.values() if copy), None)
        broken = self.first_break(name)
        return Row(
            label=label,
            path=name,
            marks={place: _mark(copy, reference) for place, copy in copies.items()},
            link=(broken.source, broken.target) if broken else None,
        )


def walk(places: Mapping[PlaceName, Reading], *, bound: bool = False) -> Chain:
    """Compare each place that was read with the next one that was read.

    ``bound``: the container sees a host folder through a bind mount, so its link starts at the host and skips the
    image.

    A place that could not be read gets a link of unknown status on each side, and its neighbours are compared directly,
    so that one unreadable place does not hide differences between the others.
    """
    return Chain(places, tuple(_links(places, bound)))


def revision_ids(held: MigrationSet) -> dict[str, str]:
    """The revision id of each script of a place, by script name; unreadable scripts are left out."""
    ids = {revision.path: revision.id for revision in held.revisions}
    return {name: ids[file.path] for name, file in held.scripts.items() if file.path in ids}


def _links(places: Mapping[PlaceName, Reading], bound: bool) -> Iterator[Link]:
    before: tuple[PlaceName, MigrationSet] | None = None  # the nearest place read so far
    for place in ORDER:
        reading = places.get(place)
        if isinstance(reading, Unknown):
            if before is not None:
                yield Link(before[0], place, LinkStatus.UNKNOWN, reason=reading.reason)
            after = next((p for p in ORDER[ORDER.index(place) + 1 :] if isinstance(places.get(p), MigrationSet)), None)
            if after is not None:
                yield Link(place, after, LinkStatus.UNKNOWN, reason=reading.reason)
        elif isinstance(reading, MigrationSet):
            host = places.get(PlaceName.HOST)
            if place is PlaceName.CONTAINER and bound and isinstance(host, MigrationSet):
                before = (PlaceName.HOST, host)
            if before is not None:
                yield compare(*before, place, reading)
            before = (place, reading)


def compare(source: PlaceName, left: MigrationSet, target: PlaceName, right: MigrationSet) -> Link:
    """Compare the scripts of two places by name and digest."""
    only_source = tuple(sorted(left.scripts.keys() - right.scripts.keys()))
    only_target = tuple(sorted(right.scripts.keys() - left.scripts.keys()))
    both = left.scripts.keys() & right.scripts.keys()
    changed = tuple(sorted(name for name in both if left.scripts[name].sha256 != right.scripts[name].sha256))
    status = LinkStatus.DIFFERS if only_source or only_target or changed else LinkStatus.EQUAL
    return Link(source, target, status, only_source, only_target, changed)


def _mark(copy: MigrationFile | None, reference: MigrationFile | None) -> str:
    if copy is None:
        return "missing"
    return "held" if reference is None or copy.sha256 == reference.sha256 else "changed"
