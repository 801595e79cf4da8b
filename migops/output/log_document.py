"""The past runs and the locks as plain values, schema 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migops.commands.log.look import LogResult
from migops.state.engine_lock import name_of
from migops.state.journal import Run
from migops.state.state_folder import engine_of


def document(result: LogResult) -> dict[str, Any]:
    """The document of ``migops log``; every key is always there."""
    run_log = result.log
    host, database, engine = run_log.host, run_log.database, run_log.engine
    return {
        "schema": 1,
        "command": "log",
        "project": run_log.project,
        "docker": {"unread": run_log.unread, "folders": [str(folder) for folder in run_log.folders]}
        if run_log.unread else None,
        "runs": [_run(run) for run in result.runs],
        "locks": {
            "host": {"command": host.what, "since": host.since, **_who(host.who.record())} if host else None,
            "engine": {
                "container": name_of(run_log.project), "command": engine.owner.command, "since": engine.owner.since,
                **_who(engine.owner.who.record()), "process": engine.owner.who.life.value,
            } if engine else None,
            "engine_unknown": run_log.unread or None,
            "database": {
                "database": database.database or None,
                "unknown": database.unknown or None,
                "holder": {
                    "pid": database.holder.pid, "name": database.holder.name, "address": database.holder.address,
                    "age": database.holder.age, "process_alive": database.is_alive,
                } if database.holder else None,
            },
        },
    }  # fmt: skip


def _run(run: Run) -> dict[str, Any]:
    return {
        "run": run.number,
        "engine": engine_of(run.path.parent.parent),
        "command": run.command,
        "arguments": list(run.arguments),
        **_who(run.who.record()),
        "began": run.began,
        "ended": run.ended or None,
        "outcome": run.outcome or ("interrupted" if run.is_interrupted else "running"),
        "cut_off": run.is_interrupted,
        "exit": run.exit,
        "message": run.message or None,
        "steps": [dict(step) for step in run.steps],
    }


def _who(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("user", "host", "pid")}
