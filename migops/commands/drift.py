"""``alembic check`` on request: whether the application's models and the schema of the database are the same.

It runs the project's env.py where ``migops alembic`` would run. Alembic would create a version table where there is
none, and says nothing of the schema while revisions are pending, so it is asked only where neither is the case.
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
from migops.runner.attached import Invocation, invoked
from migops.runner.execution_target import ExecutionTarget, choose
from migops.runner.running import Ended, new_name
from migops.runner.signals import Events, caught
from migops.sources.database_state import DatabaseState
from migops.sources.drift import Drift, differences
from migops.target import Target

_MOST = 4 << 20  # bytes of output that are kept: what a schema of thousands of tables may differ in


def ask(target: Target, evidence: Evidence, connect: Callable[[], Engine]) -> Drift | Unknown:
    """Run ``alembic check`` in the service's image and read what it says.

    ``Unknown`` where it must not be asked, could not be run, or said something else. Its output is not quoted: a
    traceback may hold secrets.
    """
    if why := not_to_be_asked(target, evidence):
        return Unknown(why)
    program = command_lines.program(target)
    see = f"see why: {target.commands.say('alembic', 'check')}"
    try:
        engine = connect()
        where = choose(collect.running(target, engine), program, engine)
        ended, said = _run(target, program, where, engine)
    except MigopsError as error:
        return Unknown(f"`alembic check` could not be run: {error}", see)
    if ended.signal > 0:
        signal.raise_signal(ended.signal)  # ours again: nothing is left running, and now we stop as well
    drift = differences(said)
    if drift is None:
        return Unknown(
            f"`{' '.join(program.words)} check` ended with code {ended.code} in {_shown(where)}, and said nothing of "
            "the schema",
            see,
        )
    return Drift(drift, _shown(where))


def not_to_be_asked(target: Target, evidence: Evidence) -> str:
    """Why ``alembic check`` must not be run, or would tell nothing; '' where it may."""
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
    found = position(evidence)
    if found.pending != () or found.ahead_rows or found.redundant_rows:
        return "the database is not at the image's heads, and then `alembic check` says only that"
    return ""


@dataclass(slots=True)
class _Kept:
    """What is written, kept by stream and not passed on: a long line of one may come in pieces, among the other's."""

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
