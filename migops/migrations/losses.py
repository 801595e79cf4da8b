"""Data that migrations destroy: dropped tables and columns, emptied tables, as far as literals name them."""

from __future__ import annotations

from collections.abc import Iterable

from migops.core.model import MigrationSet
from migops.migrations.graph import Graph
from migops.migrations.operations import operations


def losses(held: MigrationSet, graph: Graph, revisions: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The losses of each destructive revision: ``table NAME``, ``column TABLE.NAME``, ``rows of NAME``.

    A table that an earlier one of the revisions creates does not count: it has no data yet.
    """
    texts = {file.path: file.content for file in held.scripts.values()}
    lost_by_revision: dict[str, tuple[str, ...]] = {}
    fresh: set[str] = set()
    for identifier in revisions:
        revision = graph.by_id.get(identifier)
        if revision is None:
            continue
        read = operations(texts.get(revision.path, b"").decode("utf-8", "replace"))
        if lost := tuple(one for one in read.destroyed if not _is_fresh(one, fresh)):
            lost_by_revision[identifier] = lost
        fresh |= set(read.created)
    return lost_by_revision


def sentence(revision: str, lost: tuple[str, ...]) -> str:
    """The losses of one migration as a sentence for the user."""
    dropped = [one for one in lost if not one.startswith("rows of ")]
    emptied = [one.removeprefix("rows of ") for one in lost if one.startswith("rows of ")]
    parts = [f"drops {', '.join(dropped)}"] if dropped else []
    parts += [f"deletes rows of {', '.join(emptied)}"] if emptied else []
    return f"{revision} {' and '.join(parts)}: that data is lost"


def _is_fresh(lost: str, fresh: set[str]) -> bool:
    kind, _, name = lost.partition(" ")
    table = name.removeprefix("of ") if kind == "rows" else name.rpartition(".")[0] if kind == "column" else name
    return lost in fresh or f"table {table}" in fresh
