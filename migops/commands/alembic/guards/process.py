"""Alembic attached to the user's terminal, in a running container or in a one-off one, for the runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from migops.commands.alembic.call import Result
from migops.commands.alembic.guards.context import GuardContext, listed
from migops.commands.alembic.guards.locks import status
from migops.core.errors import ManualActionRequired, Unavailable
from migops.database.postgres.watch import Watched
from migops.docker.containers import inspect
from migops.runner.commits import tracing
from migops.runner.commits.tracing import Trace
from migops.runner.expected_run import ExpectedRun
from migops.runner.migration_lock import MigrationLock
from migops.runner.running import new_name
from migops.sources.database_url import Variables
from migops.target.alembic_program import program

_ID = 64  # characters of a container's ID


@dataclass(slots=True)
class AttachedProcess:
    """One verb of ``migops alembic``. ``came`` are the signals that came before Alembic could be stopped by them."""

    context: GuardContext
    lock: MigrationLock
    expected: ExpectedRun
    came: Sequence[int] = ()
    container: str = ""
    step: str = field(default="alembic", init=False)
    result: Result | None = field(default=None, init=False)

    @property
    def is_alone(self) -> bool:
        return self.context.where.container is None

    @property
    def is_entrypoint_kept(self) -> bool:
        return self.is_alone and program(self.context.run.target).keeps_entrypoint

    def prepare(self) -> None:
        container = self.context.where.container
        self.container = container.id if container else new_name()
        self.context.run.container = self.container

    def carry(self, trace: Trace) -> None:
        context = self.context
        if context.where.container is not None:
            tracing.into_memory(trace, context.where.container.id)
        else:
            tracing.into_a_volume(trace, context.run.target.project, context.where.image.id)

    def variable(self, name: str) -> str:
        context = self.context
        target = context.run.target
        if context.where.container is not None:
            inspected = inspect(context.run.engine, context.where.container.id) or {}
            pairs = (each.partition("=") for each in (inspected.get("Config") or {}).get("Env") or ())
            return next((value for key, _, value in pairs if key == name), "")
        if target.model is None:
            return ""
        service = target.model.services[target.service]
        return Variables(target.model, service, context.survey.image_env).values().get(name, "")

    def ready(self, environment: Mapping[str, str], trace: Trace) -> None:
        run = self.context.run
        run.environment, run.trace = dict(environment), trace
        run.output.clear()

    def begin_facts(self, number: int, shared: Mapping[str, Any]) -> Mapping[str, Any]:
        reached, where = self.lock.reached, self.context.where
        return {
            "attempt": number, "container": self.container, "where": where.sentence(), **shared,
            "database": reached.named.shown if reached else None,
        }  # fmt: skip

    def run(self, watched: Watched) -> Result:
        run = self.context.run
        for signal in self.came:
            run.events.put(signal)
        self.result = run.attempt(self.context.where, self.container)
        if not self.result.is_over:  # nothing may be judged while it may still run
            raise Unavailable("it could not be stopped")
        return self.result

    def lock_lost(self) -> None:
        self.context.run.lose()

    def rows_unread(self, error: Unavailable, code: int) -> None:
        """It is told as the outcome of the run."""

    def collect(self, trace: Trace) -> None:
        """Done already, before its container was removed."""

    def end_note(self, rows: tuple[str, ...] | None, watched: Watched) -> tuple[str, Mapping[str, Any]]:
        result = self.result
        waits = [str(wait) for wait in watched.waits]
        status = "done" if result is not None and result.code == 0 else "failed"
        return status, {"exit": result.child if result else None, "rows": rows, "waited_for": waits}

    def remove(self) -> None:
        """Done already, by the call that made it."""

    def failed_at(self) -> Sequence[str]:
        return self.expected.steps

    def out_of_sight(self, error: Unavailable, watched: Watched) -> ManualActionRequired:
        stands = "not known"
        with suppress(Unavailable):
            stands = listed(self.lock.rows())
        pids: list[int] = []
        with suppress(Unavailable):
            now = self.lock.session.sessions() if self.lock.session else []
            own = watched.migration(0, "", None)
            pids = [session.pid for session in now if own is not None and own.is_own(session)]
        server = f", and on the database server as pid {', '.join(map(str, pids))}" if pids else ""
        container = self.context.run.container
        short = container[:12] if len(container) == _ID else container
        return ManualActionRequired(
            f"Alembic was started, and migops can no longer see how it continues: {error.message}. It may still run in "
            f"{short}{server}; the database is at: {stands}",
            commands=[("docker", "top", short), status(self.context)],
            hint="check that it has ended before you do anything else, and which revision the database is at:",
        )
