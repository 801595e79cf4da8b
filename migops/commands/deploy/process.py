"""Alembic in a detached one-off container of the built image, followed to its end, for the runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migops.commands.deploy import shell
from migops.commands.deploy.commands import Words, migrating, override, with_override
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.follow import Followed, follow
from migops.commands.deploy.next_steps import next_steps
from migops.core.errors import Aborted, ManualActionRequired, Unavailable
from migops.database.postgres.watch import Watched
from migops.docker import execs
from migops.docker.containers import inspect
from migops.runner.command_lines import Program, compose_run
from migops.runner.commits import tracing
from migops.runner.commits.tracing import Trace
from migops.runner.running import NotStarted
from migops.state.state_folder import write_private

OVERRIDE = "migrate.compose.yaml"


@dataclass(slots=True)
class DetachedProcess:
    """Alembic with these arguments. A signal does not end it: it waits until the deploy has come to a good state."""

    deploy: Deploy
    arguments: Sequence[str]
    step: str = field(default="container", init=False)
    words: Words = field(default=(), init=False)
    environment: Mapping[str, str] = field(default_factory=dict, init=False)
    followed: Followed | None = field(default=None, init=False)
    is_interrupted: bool = field(default=False, init=False)

    @property
    def container(self) -> str:
        return migrating(self.deploy.inputs.project.name)

    @property
    def is_alone(self) -> bool:
        return True

    @property
    def is_entrypoint_kept(self) -> bool:
        return self.deploy.inputs.keeps_entrypoint

    def prepare(self) -> None:
        self.is_interrupted, self.followed = False, None

    def carry(self, trace: Trace) -> None:
        inputs = self.deploy.inputs
        tracing.into_a_volume(trace, inputs.project.name, self.deploy.record.built[inputs.target.service])

    def variable(self, name: str) -> str:
        return self.deploy.inputs.question.variable(name)

    def ready(self, environment: Mapping[str, str], trace: Trace) -> None:
        """Make the command that starts the container, and the file beside the journal by which it is of just this
        image."""
        inputs = self.deploy.inputs
        path = self.deploy.folder / OVERRIDE
        image = self.deploy.record.built[inputs.target.service]
        try:
            write_private(path, override(inputs.service, image, inputs.image_folders))
        except OSError as error:
            raise Aborted(f"{path} cannot be written: {error.strerror}") from None
        compose = with_override(inputs.project, inputs.compose, inputs.program, str(path))
        self.words = compose_run(
            compose.words, inputs.target.service, Program(self.deploy.alembic, inputs.keeps_entrypoint),
            self.arguments, self.container, detached=True, variables=environment, working_dir=self.deploy.starts_in,
            mount=trace.mount(),
        )  # fmt: skip
        self.environment = environment

    def begin_facts(self, number: int, shared: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"name": self.container, "arguments": list(self.arguments), **shared}

    def run(self, watched: Watched) -> Followed:
        if self.arguments[0] == "upgrade":
            self.deploy.record.has_migrated = True
        ran = shell.run(self.deploy, self.words, may_end=False, env=self.environment)
        if ran.code and not self._has_begun():
            execs.remove(self.deploy.engine, self.container)
            error = NotStarted(
                f"the migration container could not be started (exit code {ran.code}); nothing was applied"
            )
            error.facts = {"name": self.container, "exit": ran.code}
            raise error
        if watched.lost and not self.is_interrupted:  # before there was anything to be interrupted
            self.lock_lost()
        self.followed = follow(self.deploy.engine, self.container, self.deploy.say.line)
        return self.followed

    def lock_lost(self) -> None:
        """Stop Alembic as Ctrl-C would, so that its transaction is rolled back."""
        self.deploy.say.line("the lock of the database is lost, so the migration is stopped")
        with suppress(Unavailable):  # the engine has gone as well: then that is told
            if execs.kill(self.deploy.engine, self.container, "SIGINT"):
                self.is_interrupted = True

    def rows_unread(self, error: Unavailable, code: int) -> None:
        raise ManualActionRequired(
            f"the migration ended with code {code}, and the database's revision cannot be read: {error.message}",
            commands=next_steps(self.deploy),
        ) from error

    def collect(self, trace: Trace) -> None:
        trace.collect(self.container)

    def end_note(self, rows: tuple[str, ...] | None, watched: Watched) -> tuple[str, Mapping[str, Any]]:
        followed = self.followed
        self.deploy.record.after = rows
        code, oom = (followed.code, followed.out_of_memory) if followed else (None, False)
        return "done", {"name": self.container, "exit": code, "oom": oom, "rows": list(rows or ())}

    def remove(self) -> None:
        try:
            execs.remove(self.deploy.engine, self.container)
        except Unavailable as error:  # what it has committed must still be judged; the next run removes it
            self.deploy.say.line(f"the container {self.container} could not be removed: {error.message}")

    def failed_at(self) -> Sequence[str]:
        pending = self.deploy.record.pending or ()
        if self.followed is None or self.arguments[0] != "upgrade":
            return pending
        return failed_at(self.deploy, self.followed)

    def out_of_sight(self, error: Unavailable, watched: Watched) -> ManualActionRequired:
        name = self.container
        return ManualActionRequired(
            f"{error.message}; the migration may still run in {name}, or on the database server",
            commands=[("docker", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name),
                      ("docker", "logs", name), *next_steps(self.deploy)[:1]],
            hint="start nothing again before that container and its session on the server have ended",
        )  # fmt: skip

    def _has_begun(self) -> bool:
        """Whether the container was started, although the command that was to start it says that it failed."""
        state = (inspect(self.deploy.engine, self.container) or {}).get("State") or {}
        return state.get("Status") not in (None, "created") and not str(state.get("StartedAt")).startswith("0001")


def failed_at(deploy: Deploy, followed: Followed, unknown: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The revision that it was at, by Alembic's logging or its traceback.

    ``unknown`` is the answer where neither tells; None: all that may be it.
    """
    if followed.revision:
        return (followed.revision,)
    history, pending = deploy.inputs.history, deploy.record.pending or ()
    named = tuple(each for each in pending if Path(history.by_id[each].path).name == followed.script)
    return named or (pending if unknown is None else unknown)
