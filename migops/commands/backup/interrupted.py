"""What a restore that was killed has left: where things stand, and the commands that put them right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from migops.commands.backup.external_sessions import Container
from migops.commands.backup.source import Source
from migops.commands.backup.undo_commands import psql, starting
from migops.core.errors import ManualActionRequired
from migops.database.postgres import swap_statements
from migops.database.postgres.maintenance import maintenance
from migops.docker import Engine
from migops.docker.containers import inspect
from migops.state import journal
from migops.state.journal import Run

COMMAND = "restore"


def refuse(engine: Engine, source: Source, state: Path) -> None:
    """Raise ``ManualActionRequired`` where the last restore was killed and has left something that is not as it should
    be.

    Only restores on this server count: on another one a database of the same name says nothing.
    """
    runs = [run for run in journal.runs(state) if run.command == COMMAND and _is_here(run, source)]
    if not runs or not runs[-1].is_interrupted:
        return
    last = runs[-1]
    new, closes = _noted(last, "restore", "database"), _noted(last, "swap", "database")
    with maintenance(source.reached.url, "migops") as server:
        made = server.properties(new) if new else None
        there = server.properties(closes) if closes else None
        kept = server.properties(_noted(last, "swap", "kept")) if closes else None
    sql = []
    if there is not None and not there.open and kept is None:
        sql.append(swap_statements.reopen(closes))
    if made is not None:
        sql += [swap_statements.close(new), swap_statements.end_sessions(new), swap_statements.drop(new)]
    down = _down(engine, last)
    if not sql and not down:
        return
    database = _noted(last, "restore", "of") or closes or source.database
    replaced = "was replaced by the backup" if kept is not None else "is the one that was there before"
    left = [f"{each.name} is stopped" for each in down]
    if made is not None:
        left.append(f"{new} is left over")
    if there is not None and not there.open and kept is None:
        left.append(f"nobody may connect to {closes}")
    raise ManualActionRequired(
        f"the last restore ({last.who}, {last.began}) was killed: {database} {replaced}; {', '.join(left)}",
        commands=[*([psql(source, sql)] if sql else []), *starting(down)],
    )


def _is_here(run: Run, source: Source) -> bool:
    """Whether a run began to restore on the source's server; of a run of migops 0.1.0 it is not known, and may be."""
    started = _noted(run, "restore", "database")
    return bool(started) and _noted(run, "restore", "server") in ("", source.at)


def _noted(run: Run, step: str, key: str) -> str:
    """What a run wrote of a step when it began."""
    found = (each for each in run.steps if each.get("step") == step and each.get("status") == "started")
    return str(next((each.get(key, "") for each in found), ""))


def _down(engine: Engine, run: Run) -> Sequence[Container]:
    """The containers that the run stopped and that do not run."""
    found = []
    for each in run.steps:
        if each.get("step") == "stop" and each.get("status") == "started":
            inspected = inspect(engine, str(each.get("container")))
            if inspected is not None and not (inspected.get("State") or {}).get("Running"):
                found.append(Container(str(each.get("container")), str(each.get("name")), ""))
    return found
