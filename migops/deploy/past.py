"""What a run that was killed has left: where things stand is said, and what still goes on is never run beside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from migops.database import DatabaseUrl
from migops.deploy.commands import migrating
from migops.engine import Engine, execs
from migops.engine.containers import inspect
from migops.errors import Locked, Operator
from migops.runner.words import LABEL, is_alive
from migops.safety import journal
from migops.safety.journal import Run
from migops.safety.session import open_session

RUNS = 20  # so many past runs are looked through for migrations that may still be at a statement


def look(folder: Path, engine: Engine, project: str) -> list[str]:
    """Sentences on the runs that were killed, for the user. What their container has left is taken away.

    Raises ``Locked`` where the container that migrates is that of a run which goes on (with another state folder), and
    ``Operator`` where it still runs though its run has gone: nothing may be started beside it.
    """
    found = journal.interrupted(folder)
    name = migrating(project)
    left = inspect(engine, name)
    state = (left or {}).get("State") or {}
    owner = str((((left or {}).get("Config") or {}).get("Labels") or {}).get(LABEL) or "")
    if owner and is_alive(owner):
        raise Locked(f"another run migrates, in the container {name}: process {owner}", hint="wait until it has ended")
    if state.get("Running"):
        raise Operator(
            f"a migration that an earlier run has begun still runs in {name}, though that run ({owner}) is gone",
            commands=[("docker", "logs", "-f", name)],
            hint="watch it, and run this again when it has ended",
        )
    commands = dict.fromkeys(run.command for run in found)
    said = [sentence([run for run in found if run.command == command]) for command in commands]
    if left is not None:
        if state.get("Status") != "created":
            said.append(f"its migration has ended meanwhile, with code {state.get('ExitCode')}")
        execs.remove(engine, name)
    return said


def still_at_work(folder: Path, url: DatabaseUrl, timeout: float) -> None:
    """Raise ``Operator`` where the database server is still busy with a migration whose run, and container, are gone.

    A server goes on with a statement whose client was killed, so nothing may be started beside it.
    """
    latest = journal.runs(folder)[-RUNS:]
    names = {str(step["application"]) for run in latest for step in run.steps if step.get("application")}
    if not names or url.dialect != "postgresql":
        return
    with open_session(url, timeout=timeout) as session:
        busy = [pid for name in names for pid in session.named(name)]
    if busy:
        pids = ", ".join(map(str, busy))
        raise Operator(
            f"the database server still works on a migration of a run that was killed (session {pids})",
            hint=f"wait for it, or end it: SELECT pg_terminate_backend({busy[0]})",
        )


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
        return "services may be stopped and the database closed; `migops restore FILE --dry-run` says what to type"
    if "swap" in begun:
        return "the containers may be the old ones or the new ones; what is there is looked at now"
    if {*begun} & {"migrate", "alembic"}:
        return "the database may have been migrated; its rows are read now, and nothing is applied twice"
    if "build" in begun:
        return "nothing that runs was changed by it, but the image's name may mean what it has built"
    return "nothing that runs was changed by it"
