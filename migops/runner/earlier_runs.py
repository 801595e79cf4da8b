"""Stops a run before it repeats what an earlier one, killed or failed, has or may have committed in part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.core.errors import ManualActionRequired, MigopsError
from migops.core.printed import Commands
from migops.core.text import listed, with_hint
from migops.database import DatabaseUrl
from migops.docker import Engine
from migops.migrations.graph import Graph
from migops.runner.commits import earlier
from migops.runner.commits.repeating import Doubt, EarlierRuns
from migops.state.engine_lock import EngineLock


def refuse_unknown(repeat: Sequence[str], graph: Graph | None) -> None:
    """Raise MigopsError where ``--repeat`` names a revision that there is not."""
    if graph is not None and (lacking := [each for each in repeat if each not in graph.by_id]):
        raise MigopsError(
            f"--repeat {lacking[0]}: there is no such revision",
            hint=with_hint(lacking[0], graph.by_id, "name it in full, as the earlier run did"),
        )


def look(
    folder: Path, engine: Engine, project: str, url: DatabaseUrl | None, timeout: float, rows: Sequence[str],
    lock: EngineLock | None,
) -> EarlierRuns:  # fmt: skip
    """What earlier runs may have committed in part, judged now; ``rows`` are the version table's.

    Runs of other state folders count as well: by the engine's notes, and by the journals of those whose ``lock`` was
    taken over. Without a PostgreSQL database nothing is known of them.
    """
    if url is None or url.dialect != "postgresql":
        return EarlierRuns()
    others = lock.taken_from if lock else ()
    return earlier.keep(earlier.look(folder, engine, project, url, timeout, rows, others), engine, project)


@dataclass(frozen=True, slots=True)
class Again:
    """How the user says that revisions may run again: a command of its own, or words at the end of the hint."""

    command: tuple[str, ...] = ()
    words: str = ""


def refuse(
    past: EarlierRuns, verb: str, steps: Sequence[str] | None, repeat: Sequence[str], commands: Commands,
    again: Callable[[Sequence[str]], Again],
) -> None:  # fmt: skip
    """Raise ``ManualActionRequired`` where one of ``steps`` may be there in part already, and ``repeat`` does not name
    it.

    ``steps`` are the revisions that would run; None where that is not known. ``commands`` are those of this project;
    ``again`` is given all the revisions in doubt, so that a revision of ``repeat`` without a doubt is not named again.
    """
    doubts = past.about(verb, steps, repeat)
    if not doubts:
        return
    first: Doubt = next(iter(doubts.values()))
    way = again(tuple(past.about(verb, steps, ())))
    raise ManualActionRequired(
        f"{listed(tuple(doubts))} would be run again: {first.sentence()}; nothing was started",
        commands=[first.look(commands), *((way.command,) if way.command else ())],
        hint="check what it has done, and undo that by hand, or restore a backup; then allow it to run again:"
        + (f" {way.words}" if way.words else ""),
    )
