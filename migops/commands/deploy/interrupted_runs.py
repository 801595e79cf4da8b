"""Detects killed runs: reports what they left, and refuses to start while their migration is still running."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from migops.commands import reset_record
from migops.commands.deploy.commands import migrating
from migops.core.errors import Locked, ManualActionRequired
from migops.core.printed import here
from migops.docker import Engine, execs
from migops.docker.containers import inspect
from migops.state import journal, owner
from migops.state.journal import Run
from migops.state.process import Life


def look(folder: Path, engine: Engine, project: str) -> list[str]:
    """Sentences on the runs that were killed, for the user. What their container has left is taken away.

    Raises ``Locked`` where the container that migrates is that of a run which goes on (with another state folder), or
    may do so, and ``ManualActionRequired`` where it still runs though its run has gone: nothing may be started beside
    it.
    """
    found = [run for run in journal.interrupted(folder) if run.command != reset_record.COMMAND]  # it is told by itself
    name = migrating(project)
    left = inspect(engine, name)
    state = (left or {}).get("State") or {}
    _refuse_one_at_work(name, left, state)
    commands = dict.fromkeys(run.command for run in found)
    said = [sentence([run for run in found if run.command == command]) for command in commands]
    if left is not None:
        if state.get("Status") != "created":
            said.append(f"its migration has since ended, with exit code {state.get('ExitCode')}")
        execs.remove(engine, name)
    return said


def _refuse_one_at_work(name: str, left: Mapping[str, Any] | None, state: Mapping[str, Any]) -> None:
    """Raise where the container that migrates, or its run, goes on. One that has ended is nobody's any more."""
    who = owner.of_one_off(((left or {}).get("Config") or {}).get("Labels"))
    if left is None or who is None:
        return
    status = str(state.get("Status"))
    if who.life is Life.LIVES:
        raise Locked(f"another run is migrating in the container {name}: process {who.pid}@{who.host}",
                     hint="wait until it has ended")  # fmt: skip
    if who.life is Life.GONE and state.get("Running"):
        raise ManualActionRequired(
            f"a migration started by an earlier run is still running in {name}, although that run ({who}) is gone",
            commands=[("docker", "logs", "-f", name)],
            hint="watch it, and run this again when it has ended",
        )
    if who.life is Life.UNKNOWN and status not in ("exited", "dead"):
        begun = "wait until it has ended" if state.get("Running") else "not started; check that its run has ended"
        look = f"docker logs -f {name}" if state.get("Running") else f"then remove it: docker rm {name}"
        raise Locked(f"another run is migrating in the container {name}: {who}; {owner.life_of(who)}",
                     hint=f"{begun}: {look}")  # fmt: skip


def sentence(runs: Sequence[Run]) -> str:
    """How the last of one command's runs was killed, and where all of them together have left things."""
    run, last = runs[-1], runs[-1].last
    at = f"during the step {last.get('step')}" if last else "before its first step"
    if last and last.get("status") in ("done", "skipped"):
        at = f"after the step {last.get('step')}"
    others = f" (as were {len(runs) - 1} before it)" if len(runs) > 1 else ""
    begun = {str(step.get("step")) for each in runs for step in each.steps}
    stands = f"{_stands(run.command, begun)}{_old_definition(runs) if 'swap' in begun else ''}"
    return f"run {run.number} ({run.command}, {run.began}) was killed{others} {at}: {stands}"


def _old_definition(runs: Sequence[Run]) -> str:
    """Where a killed run has kept the old containers' definition."""
    named = [str(step["definition"]) for run in runs for step in run.steps if step.get("definition")]
    there = [each for each in named if Path(each).exists()]
    return f"; the definition of the old ones is kept in {there[0]}" if there else ""


def _stands(command: str, begun: Collection[str]) -> str:
    """What that means, by the steps that were begun."""
    if command == "restore" and {*begun} & {"stop", "swap"}:
        list_ = here().say("backup", "--list")
        return (
            f"services may be stopped and the database closed; a dry run of the restore prints the commands (`{list_}` "
            "shows the files)"
        )
    if command == "doctor --fix" and "write" in begun:
        return f"files of the project may be edited and unchecked; `{here().say('doctor', '--fix')}` puts them back"
    if "swap" in begun:
        return "the containers may be the old ones or the new ones; this run checks which"
    if {*begun} & {"migrate", "alembic"}:
        return "the database may have been migrated; this run reads its revision, and applies nothing twice"
    if "build" in begun:
        return "it changed nothing that is running, but the image's name may point to the image it built"
    return "it changed nothing that is running"
