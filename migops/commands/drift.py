"""Runs ``alembic check``: compares the application's models with the schema of the database.

It runs the project's env.py in the container that ``migops alembic`` would use. Alembic creates a missing version
table, and does not compare the schema while revisions are pending, so it runs only if neither is the case.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from migops import collect
from migops.analysis.database_position import position
from migops.analysis.evidence import Evidence
from migops.core.errors import MigopsError
from migops.core.model import PlaceName, Unknown
from migops.docker import Engine
from migops.runner import command_lines
from migops.runner.execution_target import Where, choose
from migops.runner.running import Ended, Exec, new_name, one_off
from migops.runner.signals import Events, caught
from migops.sources.database_state import DatabaseState
from migops.sources.drift import Drift, differences
from migops.target import Target

_MOST = 4 << 20  # bytes kept of the output, enough for the differences of a schema with thousands of tables


def ask(target: Target, evidence: Evidence, connect: Callable[[], Engine]) -> Drift | Unknown:
    """Run ``alembic check`` in the service's image and parse its output.

    ``Unknown`` if it must not run, could not run, or its output is not understood. The output is not quoted, since a
    traceback may contain secrets.
    """
    if reason := reason_not_to_run(target, evidence):
        return Unknown(reason)
    program = command_lines.program(target)
    see = f"see why: {target.commands.say('alembic', 'check')}"
    try:
        engine = connect()
        where = choose(collect.running(target, engine), program, engine)
        ended, output = _run(target, program, where, engine)
    except MigopsError as error:
        return Unknown(f"`alembic check` could not be run: {error}", see)
    if ended.signal > 0:
        signal.raise_signal(ended.signal)  # nothing is left running, so stop as well
    differing = differences(output)
    if differing is None:
        return Unknown(
            f"`{' '.join(program.words)} check` ended with code {ended.code} in {_shown(where)}, and said nothing of "
            "the schema",
            see,
        )
    return Drift(differing, _shown(where))


def reason_not_to_run(target: Target, evidence: Evidence) -> str:
    """The reason why ``alembic check`` must not run or would be useless; empty if it can run."""
    state = evidence.database
    if not isinstance(state, DatabaseState):
        return f"database: {state.reason}"
    if target.model is None:
        return "without a compose file nothing says how a container of the image reaches the database"
    if state.origin == "--database-url":
        return "--database-url was given, and `alembic check` asks the service's own database"
    if PlaceName.IMAGE not in evidence.graphs:
        return "the image could not be read"
    if not state.has_version_table:
        return f"there is no version table {state.version_table}, and `alembic check` would create one"
    status = position(evidence)
    if status.pending != () or status.ahead_rows or status.redundant_rows:
        return "the database is not at the image's heads, and then `alembic check` says only that"
    return ""


@dataclass(slots=True)
class _Kept:
    """The output, kept by stream: a long line of one may arrive in pieces between those of the other."""

    streams: dict[int, bytearray] = field(default_factory=dict)

    def take(self, stream: int, data: bytes) -> None:
        kept = self.streams.setdefault(stream, bytearray())
        kept += data[: max(0, _MOST - len(kept))]

    def text(self) -> str:
        return "\n".join(kept.decode("utf-8", "replace") for kept in self.streams.values())


def _run(target: Target, program: command_lines.Program, where: Where, engine: Engine) -> tuple[Ended, str]:
    kept, events = _Kept(), Events()
    with caught(events):
        if where.container is not None:
            ended = Exec(engine, where.container.id).run((*program.words, "check"), kept.take, events, {})
        else:
            with one_off(engine, new_name()) as runs:
                argv = command_lines.one_off(target, program, ["check"], runs.name, terminal=False)
                ended = runs.run(argv, kept.take, events, {}, terminal=False)
    return ended, kept.text()


def _shown(where: Where) -> str:
    return where.container.name if where.container is not None else f"a one-off container of {where.image.ref}"
