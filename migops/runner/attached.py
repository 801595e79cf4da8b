"""One call of Alembic to its end, attached: in a container that runs anyway, or in a one-off one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from migops.docker import Engine
from migops.runner import command_lines
from migops.runner.execution_target import ExecutionTarget
from migops.runner.running import Ended, Exec, OneOff, one_off
from migops.runner.signals import Events
from migops.runner.streams import Sink
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of Alembic: ``program`` with ``arguments``.

    ``name`` is that of the one-off container, where it runs in one. ``environment`` is added to the service's.
    ``terminal``: the user's terminal is passed on. ``mount`` are words for one more volume of a one-off container.
    """

    target: Target
    program: command_lines.Program
    arguments: Sequence[str]
    where: ExecutionTarget
    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    terminal: bool = False
    mount: tuple[str, ...] = ()


@contextmanager
def invoked(
    engine: Engine, call: Invocation, sink: Sink, events: Events
) -> Iterator[tuple[Ended, OneOff | None]]:  # fmt: skip
    """Run it to its end. For the ``with`` a one-off container is still there; afterwards it is gone."""
    container = call.where.container
    if container is None:
        with one_off(engine, call.name) as runs:
            argv = command_lines.one_off(
                call.target, call.program, call.arguments, runs.name, terminal=call.terminal,
                variables=call.environment, mount=call.mount,
            )  # fmt: skip
            yield runs.run(argv, sink, events, call.environment, terminal=call.terminal), runs
        return
    process = Exec(engine, container.id)
    if call.terminal:
        argv = command_lines.in_terminal(container.name, call.program, call.arguments, process.token, call.environment)
        yield process.run_in_terminal(argv, sink, events, call.environment), None
    else:
        argv = (*call.program.words, *call.arguments)
        yield process.run(argv, sink, events, call.environment, call.program.working_dir), None
