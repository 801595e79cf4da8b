"""What a run that was killed has left: where things stand is said, and what still goes on is never run beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from migops.database import DatabaseUrl
from migops.deploy.commands import migrating
from migops.engine import Engine, execs
from migops.engine.containers import inspect
from migops.errors import Locked, Operator
from migops.safety import journal
from migops.safety.journal import Run
from migops.safety.session import open_session


def look(folder: Path, engine: Engine, project: str) -> list[str]:
    """Sentences on the runs that were killed, for the user. What their container has left is taken away.

    Raises ``Locked`` where the container that migrates still runs: it is another run, though its migops is gone.
    """
    found = journal.interrupted(folder)
    name = migrating(project)
    left = inspect(engine, name)
    state = (left or {}).get("State") or {}
    if state.get("Running"):
        raise Locked(
            f"a migration that an earlier run has begun still runs in {name}, though that run is gone",
            hint=f"watch it: docker logs -f {name}; run this again when it has ended",
        )
    said = [_said(run) for run in found]
    if left is not None:
        said.append(f"its migration has ended meanwhile, with code {state.get('ExitCode')}")
        execs.remove(engine, name)
    return said


def still_at_work(folder: Path, url: DatabaseUrl, timeout: float) -> None:
    """Raise ``Operator`` where the database server is still busy with a migration whose run, and container, are gone.

    A server goes on with a statement whose client was killed, so nothing may be started beside it.
    """
    names = [name for run in journal.interrupted(folder) for name in _applications(run)]
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


def _said(run: Run) -> str:
    last = run.last
    at = f"during the step {last.get('step')}" if last else "before its first step"
    if last and last.get("status") in ("done", "skipped"):
        at = f"after the step {last.get('step')}"
    return f"run {run.number} ({run.command}, {run.began}) was killed {at}: {_stands(run)}"


def _stands(run: Run) -> str:
    """What that means, by the steps that it has written of."""
    begun = {str(step.get("step")) for step in run.steps}
    if run.command == "restore" and begun & {"stop", "swap"}:
        return "services may be stopped and the database closed; `migops restore FILE --dry-run` says what to type"
    if "swap" in begun:
        return "the containers may be the old ones or the new ones; what is there is looked at now"
    if begun & {"migrate", "alembic"}:
        return "the database may have been migrated; its rows are read now, and nothing is applied twice"
    return "nothing that runs was changed by it"


def _applications(run: Run) -> Iterator[str]:
    for step in run.steps:
        if step.get("application"):
            yield str(step["application"])
