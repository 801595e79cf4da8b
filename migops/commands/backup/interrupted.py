"""Detects a killed restore: the state that it left, and the commands that repair it."""

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
    """Raise ``ManualActionRequired`` if the last restore on this server was killed and left something to repair."""
    runs = [run for run in journal.runs(state) if run.command == COMMAND and _is_here(run, source)]
    if not runs or not runs[-1].is_interrupted:
        return
    last = runs[-1]
    new, closes = _recorded(last, "restore", "database"), _recorded(last, "swap", "database")
    with maintenance(source.reached.url, "migops") as server:
        made = server.properties(new) if new else None
        there = server.properties(closes) if closes else None
        kept = server.properties(_recorded(last, "swap", "kept")) if closes else None
    sql = []
    if there is not None and not there.open and kept is None:
        sql.append(swap_statements.reopen(closes))
    if made is not None:
        sql += [swap_statements.close(new), swap_statements.end_sessions(new), swap_statements.drop(new)]
    down = _down(engine, last)
    if not sql and not down:
        return
    database = _recorded(last, "restore", "of") or closes or source.database
    replaced = "was replaced by the backup" if kept is not None else "was not replaced"
    left = [f"{each.name} is stopped" for each in down]
    if made is not None:
        left.append(f"{new} is left over")
    if there is not None and not there.open and kept is None:
        left.append(f"connections to {closes} are disabled")
    raise ManualActionRequired(
        f"the last restore ({last.who}, {last.began}) was killed: {database} {replaced}; {', '.join(left)}",
        commands=[*([psql(source, sql)] if sql else []), *starting(down)],
    )


def _is_here(run: Run, source: Source) -> bool:
    """True if a run began a restore on the source's server, or by migops 0.1.0 on an unknown one."""
    started = _recorded(run, "restore", "database")
    return bool(started) and _recorded(run, "restore", "server") in ("", source.at)


def _recorded(run: Run, step: str, key: str) -> str:
    """A value in the journal's entry of a started step; empty if there is none."""
    entries = (each for each in run.steps if each.get("step") == step and each.get("status") == "started")
    return str(next((each.get(key, "") for each in entries), ""))


def _down(engine: Engine, run: Run) -> Sequence[Container]:
    """The containers that the run stopped and that are still down."""
    down = []
    for step in run.steps:
        if step.get("step") == "stop" and step.get("status") == "started":
            inspected = inspect(engine, str(step.get("container")))
            if inspected is not None and not (inspected.get("State") or {}).get("Running"):
                down.append(Container(str(step.get("container")), str(step.get("name")), ""))
    return down
