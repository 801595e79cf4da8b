"""``alembic stamp`` in a one-off container like those of the disposable server, for the runner."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from migops.commands.adopt.outcome import Outcome
from migops.commands.adopt.steps import copying
from migops.core.errors import ManualActionRequired, Unavailable
from migops.database.postgres.watch import Watched
from migops.docker import Engine, execs
from migops.runner.commits.tracing import Trace
from migops.sandbox import one_off


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of the stamp: Alembic's exit code (-1 where it is not known) and the end of its output, redacted."""

    exit_code: int
    text: str
    stopped: bool = False


@dataclass(slots=True)
class StampProcess:
    """Alembic that stamps the chosen heads of ``outcome``.

    A stamp writes only the version table's rows, so its transactions are not traced: the rows tell what it did. A
    signal does not stop it.
    """

    outcome: Outcome
    engine: Engine
    step: str = field(default="stamp", init=False)
    container: str = field(default_factory=lambda: f"migops-adopt-{secrets.token_hex(6)}", init=False)
    environment: Mapping[str, str] = field(default_factory=dict, init=False)
    ended: Ended | None = field(default=None, init=False)

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads to stamp, in Alembic's order."""
        assert self.outcome.match is not None  # noqa: S101 - a caller that stamps has matched
        return self.outcome.match.chosen.heads

    @property
    def is_alone(self) -> bool:
        return True

    @property
    def is_entrypoint_kept(self) -> bool:
        return self.outcome.inputs.app.keeps_entrypoint

    def prepare(self) -> None:
        """There is one attempt, in a container that has its name already."""

    def carry(self, trace: Trace) -> None:
        """No tracer is needed."""

    def variable(self, name: str) -> str:
        return self.outcome.inputs.question.variable(name)

    def ready(self, environment: Mapping[str, str], trace: Trace) -> None:
        self.environment = environment

    def begin_facts(self, number: int, shared: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**shared, "revisions": list(self.heads), "name": self.container}

    def run(self, watched: Watched) -> Ended:
        inputs, baseline = self.outcome.inputs, self.outcome.baseline
        words = [*inputs.alembic, "stamp", *self.heads]
        more: dict[str, Any] = {"environment": self.environment}
        if baseline is not None:
            new = copying(inputs.versions, {baseline.path.name: baseline.content}, inputs.python_path)
            more = {**new, "environment": {**new["environment"], **self.environment}}
        try:
            code, data = one_off.run(self.engine, inputs.app, words, inputs.network, self.container, **more)
            output = data.decode("utf-8", "replace")
        except Unavailable as error:  # the container is gone in any case; the rows tell what it did
            code, output = -1, error.message
        self.ended = Ended(code, inputs.reached.url.redact(output).strip())
        return self.ended

    def lock_lost(self) -> None:
        with suppress(Unavailable):  # the engine has gone as well: then that is told
            execs.kill(self.engine, self.container, "SIGINT")

    def rows_unread(self, error: Unavailable, code: int) -> None:
        raise ManualActionRequired(
            f"the stamp ran, but whether it wrote the row is unknown: {error.message}",
            commands=[self.outcome.inputs.target.commands.migops("status")],
        ) from error

    def collect(self, trace: Trace) -> None:
        """Nothing was traced."""

    def end_note(self, rows: tuple[str, ...] | None, watched: Watched) -> tuple[str, Mapping[str, Any]]:
        status = "done" if rows == tuple(sorted(self.heads)) else "failed"
        return status, {"rows": list(rows or ()), "code": self.ended.exit_code if self.ended else None}

    def remove(self) -> None:
        """``one_off.run`` has removed the container."""

    def failed_at(self) -> Sequence[str]:
        return ()

    def out_of_sight(self, error: Unavailable, watched: Watched) -> ManualActionRequired:
        return ManualActionRequired(
            f"{error.message}; whether the stamp wrote the row is unknown",
            commands=[self.outcome.inputs.target.commands.migops("status")],
        )
