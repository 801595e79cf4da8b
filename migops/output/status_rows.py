"""The rows and columns of a status that are worth showing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from migops.core.model import PlaceName

if TYPE_CHECKING:
    from migops.commands.status import Row, Status


def columns(status: Status) -> list[PlaceName]:
    """A column for each place that was read; the build context's only if it differs from the host's."""
    places = [place for place in PlaceName if any(place in row.marks for row in status.rows)]
    context, host = PlaceName.CONTEXT, PlaceName.HOST
    if context in places and host in places and all(row.marks[context] == row.marks[host] for row in status.rows):
        places.remove(context)
    return places


def folded(rows: Sequence[Row], most: int) -> Iterator[Row | tuple[Row, ...]]:
    """At most ``most`` rows of many, and in between them the ones that are folded away, as tuples.

    Rows that stay: the database's position, disagreements between places, the next pending ones, both ends.
    """
    if len(rows) <= most + 2:
        yield from rows
        return
    kept: set[int] = set()
    wanted = (
        [at for at, row in enumerate(rows) if row.state == "current"][:4],
        [at for at, row in enumerate(rows) if row.is_disputed][:8],
        [at for at, row in enumerate(rows) if row.state == "pending"][-4:],
        range(5),
        [len(rows) - 1],
        range(len(rows)),
    )
    for group in wanted:
        for at in group:
            if len(kept) < most:
                kept.add(at)
    away: list[Row] = []
    for at, row in enumerate(rows):
        if at not in kept:
            away.append(row)
            continue
        if away:
            yield tuple(away)
            away = []
        yield row
    if away:
        yield tuple(away)
