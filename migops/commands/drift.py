"""``alembic check`` on request: compares the application's models with the schema of the database.

It runs the project's env.py where ``migops alembic`` would run. Alembic would create a missing version table, and does
not compare the schema while revisions are pending, so it runs only if neither is the case.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from migops import collect
from migops.analysis.database_position import position
from migops.analysis.evidence import Evidence
from migops.core import progress
from migops.core.errors import MigopsError
from migops.core.model import PlaceName, Unknown
from migops.docker import Engine
from migops.runner import command_lines
from migops.runner.attached import Invocation, invoked
from migops.runner.execution_target import ExecutionTarget, choose
from migops.runner.running import Ended, new_name
from migops.runner.signals import Events, caught
from migops.sources.database_state import DatabaseState
from migops.sources.drift import Drift, differences
from migops.target import Target

_MOST = 4 << 20  # bytes of output that are kept: enough for a schema of thousands of tables


def ask(target: Target, evidence: Evidence, connect: Callable[[], Engine]) -> Drift | Unknown:
    """Run ``alembic check`` in the service's image and read its output.

    Returns ``Unknown`` if it must not be run, could not be run, or printed something unexpected. The output is not
    quoted: a traceback may contain secrets.
    """
    if why := not_to_be_asked(target, evidence):
        return Unknown(why)
    program = command_lines.program(target)
    see = f"see why: {target.commands.say('alembic', 'check')}"
    try:
        engine = connect()
        seen = collect.running(target, engine)
        where, program = choose(seen, program, engine), command_lines.in_image(target, seen, ["check"])
        with progress.step("compare the models with the database (alembic check)"):
            ended, output = _run(target, program, where, engine)
    except MigopsError as error:
        return Unknown(f"could not run `alembic check`: {error}", see)
    if ended.signal > 0:
        signal.raise_signal(ended.signal)  # the same signal again: nothing is left running, so now we stop as well
    drift = differences(output)
    if drift is None:
        return Unknown(
            f"`{' '.join(program.words)} check` ended with exit code {ended.code} in {_shown(where)} without a result "
            "about the schema",
            see,
        )
    return Drift(drift, _shown(where))


def not_to_be_asked(target: Target, evidence: Evidence) -> str:
    """The reason why ``alembic check`` must not be run, or would tell nothing; '' if it may."""
    state = evidence.database
    if not isinstance(state, DatabaseState):
        return f"database: {state.reason}"
    if target.model is None:
        return "without a compose file it is unknown how a container of the image reaches the database"
    if state.origin == "--database-url":
        return "with --database-url, `alembic check` would still check the service's own database"
    if PlaceName.IMAGE not in evidence.graphs:
        return "the image could not be read"
    if not state.has_version_table:
        return f"`alembic check` would create the missing version table {state.version_table}"
    found = position(evidence)
    if found.pending != () or found.ahead_rows or found.redundant_rows:
        return "the database is not at the image's heads, so `alembic check` would stop before it compares"
    return ""


@dataclass(slots=True)
class _Kept:
    """Output, kept by stream and not passed on: a long line of one may come in pieces, between the other's."""

    streams: dict[int, bytearray] = field(default_factory=dict)

    def take(self, stream: int, data: bytes) -> None:
        kept = self.streams.setdefault(stream, bytearray())
        kept += data[: max(0, _MOST - len(kept))]

    def text(self) -> str:
        return "\n".join(kept.decode("utf-8", "replace") for kept in self.streams.values())


def _run(target: Target, program: command_lines.Program, where: ExecutionTarget, engine: Engine) -> tuple[Ended, str]:
    kept, events = _Kept(), Events()
    call = Invocation(target, program, ["check"], where, new_name())
    with caught(events), invoked(engine, call, kept.take, events) as (ended, _):
        pass
    return ended, kept.text()


def _shown(where: ExecutionTarget) -> str:
    return where.container.name if where.container is not None else f"a one-off container of {where.image.ref}"
