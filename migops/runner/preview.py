"""What a call of Alembic would do to the version table, told from the revision graph alone. Pure.

Where that cannot be told (an ambiguous revision, steps across a branch), the answer is None: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from migops.migrations.graph import Graph

_RAN = re.compile(r"Running (?:upgrade|downgrade|stamp_revision) (?P<from>[^\n]*?) -> (?P<to>[^\s,]*)")


@dataclass(frozen=True, slots=True)
class MigrationPreview:
    """The rows afterwards, and the migrations that run or are undone, in order."""

    rows: tuple[str, ...]
    steps: tuple[str, ...]


def upgrade(graph: Graph, rows: Collection[str], target: str) -> MigrationPreview | None:
    """What ``upgrade target`` would run on a database that stands at ``rows``."""
    applied = graph.ancestors(rows)
    targets = _steps_up(graph, rows, target) if target.startswith("+") else named(graph, target)
    if targets is None:
        return None
    after = applied | graph.ancestors(targets)
    return MigrationPreview(tops(graph, after), graph.pending(rows, targets))


def downgrade(graph: Graph, rows: Collection[str], target: str) -> MigrationPreview | None:
    """What ``downgrade target`` would undo, the newest first."""
    applied = graph.ancestors(rows)
    steps = re.fullmatch(r"-(\d+)", target)
    targets = _steps_down(graph, rows, int(steps[1])) if steps else named(graph, target)
    if targets is None or len(targets) > 1:
        return None
    undone = applied
    if targets:  # as Alembic does: what was written upon it, and all that needs any of that
        undone = graph.descendants(graph.children.get(targets[0], ())) & applied
        if not undone and targets[0] not in rows:
            return None
    order = [each.id for each in reversed(graph.revisions) if each.id in undone]
    return MigrationPreview(tops(graph, applied - undone), tuple(dict.fromkeys(order)))


def stamp(graph: Graph, rows: Collection[str], targets: Sequence[str], *, purge: bool) -> tuple[str, ...] | None:
    """The rows that ``stamp targets`` would leave: those of the same line go, those of other branches stay."""
    found = [named(graph, target) for target in targets]
    wanted = [each for ids in found for each in ids or ()]
    kept = set() if purge else set(rows)
    if None in found or (len(wanted) > 1 and len(kept) > 1 and kept != set(wanted)):
        return None  # of several rows and several targets, Alembic loses some
    if () in found:  # base
        kept = set()
    for each in wanted:
        kept = {row for row in kept if row not in graph.ancestors([each]) | graph.descendants([each])} | {each}
    return tuple(sorted(kept))


def named(graph: Graph, target: str) -> tuple[str, ...] | None:
    """The revisions that a word names: an id or its beginning, a label, head, heads, base (none), LABEL@head."""
    if target == "base":
        return ()
    if target in ("head", "heads"):
        return graph.heads if target == "heads" or len(graph.heads) == 1 else None
    label, at, rest = target.partition("@")
    if at:
        start = graph.labels.get(label) or (label if label in graph.by_id else "")
        if not start or rest not in ("head", "heads"):
            return None
        heads = graph.descendants([start], dependencies=False) & set(graph.heads)
        return tuple(heads) if len(heads) == 1 or rest == "heads" else None
    if target in graph.by_id:
        return (target,)
    if target in graph.labels:
        return (graph.labels[target],)
    fitting = [each for each in graph.by_id if each.startswith(target)] if len(target) > 3 else []
    return (fitting[0],) if len(fitting) == 1 else None


def tops(graph: Graph, applied: Iterable[str]) -> tuple[str, ...]:
    """The rows of a version table after just these migrations: those that no other one of them includes."""
    found = set(applied)
    included = {below for each in found if each in graph.by_id for below in graph.below(each)}
    return tuple(sorted(found - included))


def ran(output: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The steps that Alembic says it began, in order: from which revisions, to which. Empty where it logs nothing."""
    return tuple(
        (tuple(each for each in re.split(r",\s*", found["from"].strip()) if each), found["to"])
        for found in _RAN.finditer(output)
    )


def _steps_up(graph: Graph, rows: Collection[str], target: str) -> tuple[str, ...] | None:
    """Where so many steps lead; every one of them must be the only one there is."""
    here = tuple(rows)
    for _ in range(int(target[1:])):
        above = graph.children.get(here[0], ()) if here else graph.bases
        if len(here) > 1 or len(above) != 1:
            return None
        here = above
    return here


def _steps_down(graph: Graph, rows: Collection[str], number: int) -> tuple[str, ...] | None:
    """Where so many steps back lead: a revision, or () for the base. Along depends_on Alembic goes too: not told."""
    here = tuple(rows)
    if graph.depends_on:
        return None
    for _ in range(number):
        if len(here) != 1 or here[0] not in graph.by_id or len(graph.by_id[here[0]].parents) > 1:
            return None  # Alembic says "Ambiguous walk"
        here = graph.by_id[here[0]].parents
    return here
