"""One call of Alembic in the service's container: run, and the new files brought to the host."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

from migops import collect
from migops.core.errors import ExitCode, ManualActionRequired, Unavailable
from migops.core.model import MigrationSet
from migops.docker import Engine
from migops.docker.containers import inspect
from migops.runner import command_lines
from migops.runner.arguments import redacted
from migops.runner.attached import Invocation, invoked
from migops.runner.execution_target import ExecutionTarget
from migops.runner.running import Ended, OneOff, new_name
from migops.runner.signals import LOST, Events, caught
from migops.runner.streams import Output
from migops.target import Target

if TYPE_CHECKING:
    from migops.collect.drawing import Drawing
    from migops.commands.alembic.exported_script import ExportedScript
    from migops.runner.commits.tracing import Trace

_STAYING = ("", "missing", "if_not_present", "never")  # policies under which compose takes the image that is there
_KILLED = {128 + signal.SIGTERM, 128 + signal.SIGKILL}

Reporter = Callable[[str], None]
"""Tells the user a line on standard error."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user said of the guards.

    ``yes``: ask nothing. ``ask`` puts a question on the terminal, None where there is none. ``wait`` (seconds, None:
    not said) is how long the database is waited for, ``lock_timeout`` (seconds, 0: for ever) how long a migration may
    wait for a lock. ``no_lock``: run it though the database cannot be asked. ``url`` is where it is reached from here.
    ``repeat`` are revisions that may run although an earlier run may have committed a part of them.
    """

    yes: bool = False
    ask: Callable[[str], bool] | None = None
    wait: float | None = None
    lock_timeout: float = 5.0
    no_lock: bool = False
    repeat: tuple[str, ...] = ()
    url: str = field(default="", repr=False)
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How it went: our exit code, the child's, the end of what the child wrote, and where it ran.

    ``drawing`` is the history as it is now, where the call has changed it.
    """

    code: int
    child: int
    output: str
    where: ExecutionTarget
    stopped: bool
    drawing: Drawing | None = None
    is_over: bool = True
    """False if Alembic could not be stopped, or its end was not seen: it may still run."""

    @property
    def exit_code(self) -> int:
        """Alembic's own exit code."""
        return self.child

    @property
    def text(self) -> str:
        """The end of what it wrote."""
        return self.output


@dataclass(slots=True)
class AlembicCall:
    """One call of Alembic in the service's container.

    ``environment`` is added to that of the service; ``container`` is the ID or name of where it runs, once it does.
    ``program`` is how it is called there; None before the image was read. ``trace`` is what records its transactions,
    where it has any.
    """

    target: Target
    arguments: Sequence[str]
    engine: Engine
    say: Reporter
    run_options: RunOptions = field(default_factory=RunOptions)
    output: Output = field(default_factory=Output)
    events: Events = field(default_factory=SimpleQueue)
    environment: dict[str, str] = field(default_factory=dict)
    container: str = ""
    program: command_lines.Program | None = None
    trace: Trace | None = None

    def lose(self) -> None:
        """Stop it: the lock that it needs is gone. May be called from any thread."""
        self.events.put(LOST)

    def attempt(self, where: ExecutionTarget, name: str = "") -> Result:
        """Run it once, and bring the new files to the host. ``name`` is that of a one-off container, if it has one."""
        program = self.program or command_lines.program(self.target)
        before = collect.host(self.target).migrations if command_lines.makes_files(self.arguments) else None
        call = Invocation(
            self.target, program, self.arguments, where, name or new_name(), self.environment, has_terminal(),
            self.trace.mount() if self.trace else (),
        )  # fmt: skip
        self.container = where.container.id if where.container else call.name
        if where.container is None:
            self._say_pull_policy()
        with caught(self.events), invoked(self.engine, call, self.output.take, self.events) as (ended, one_off):
            self._collect(ended)
            exported = list(self._exported(where, before, ended, one_off)) if before is not None else []
            if one_off is not None:
                one_off.kept = any(script.exists_already for script in exported)
        code = self._code(ended, where.container.name if where.container else call.name, exported)
        return Result(code, ended.code, self.output.tail(), where, ended.signal > 0, is_over=ended.is_over)

    def _exported(
        self, where: ExecutionTarget, before: MigrationSet, ended: Ended, one_off: OneOff | None
    ) -> Iterator[ExportedScript]:
        """Bring the new files to the host, while the container that has written them is still there."""
        from migops.commands.alembic import exported_script  # and all that writes scripts: only a new one pays for it

        container = where.container
        if container is not None and container.is_bound:
            yield from exported_script.from_mount(before, collect.host(self.target).migrations)
        elif container is not None and container.migrations is not None:
            now = collect.running(self.target, self.engine).containers
            after = next((each.migrations for each in now if each.id == container.id), None)
            made = exported_script.made_in_running(container.migrations, after)
            yield from exported_script.from_container(made, container.name, before)
        elif one_off is not None and where.held is not None and ended.is_over:
            if exported_script.is_bound(self.engine, one_off.name, where.held.location):
                yield from exported_script.from_mount(before, collect.host(self.target).migrations)
            else:
                made = exported_script.made_in_one_off(self.engine, one_off.name, where.held)
                yield from exported_script.from_container(made, one_off.name, before)

    def _say_pull_policy(self) -> None:
        service = self.target.model.services[self.target.service] if self.target.model else None
        if service and service.pull_policy not in _STAYING:
            self.say(f"its pull_policy is {service.pull_policy}, so compose may fetch or build another image first")

    def _collect(self, ended: Ended) -> None:
        """Read what was recorded: its container may be removed now. A good end may have left nothing too."""
        if self.trace is not None:
            self.trace.collect(self.container)

    def _code(self, ended: Ended, name: str, exported: Sequence[ExportedScript]) -> int:
        """Our exit code, and what there is to say about how it ended."""
        for each in exported:
            self._tell(each)
        if ended.signal > 0:
            signal_name = signal.Signals(ended.signal).name
            if ended.is_over:
                how = f"ended with code {ended.code}" if ended.code else "had finished all the same (code 0)"
                self.say(f"stopped by {signal_name}: {self.words()} in {name} {how}")
                if ended.code in _KILLED:
                    self.say("it could not tell the database, which may continue its last statement for a while")
            else:
                self.say(f"{signal_name}: {self.words()} could NOT be stopped in {name}{self._what_is_left(name)}")
                if self._is_there(name):
                    self.say(f"see what runs there: docker top {name}")
            return 128 + ended.signal
        if not ended.is_over:
            if ended.signal == LOST:
                raise ManualActionRequired(
                    f"the lock is lost, and {self.words()} could NOT be stopped in {name}{self._what_is_left(name)}",
                    commands=[("docker", "top", name)] if self._is_there(name) else [],
                    hint="make sure that it ends; then check which revision the database is at",
                )  # fmt: skip
            raise Unavailable(f"how {self.words()} ended in {name} is not known")
        if self.output.lost:
            self.say(f"some of its output could not be written: {self.output.lost}")
            return ended.code or int(ExitCode.NO_VERDICT)
        return int(ExitCode.OPERATOR) if any(each.exists_already for each in exported) else ended.code

    def _what_is_left(self, name: str) -> str:
        """The end of the sentence that it could not be stopped in the container ``name``: a one-off one is removed."""
        if self._is_there(name):
            return " and may still run there"
        return ", so the container was removed; the database may continue its last statement for a while"

    def _is_there(self, name: str) -> bool:
        """Whether the container is, or may be, still there."""
        try:
            return inspect(self.engine, name) is not None
        except Unavailable:
            return True

    def again(self) -> tuple[str, ...]:
        """The command as it can be typed again; what -x passes is hidden."""
        commands = replace(self.target.commands, service="") if self.target.picked else self.target.commands
        return (*commands.alembic(), *redacted(self.arguments))

    def words(self) -> str:
        """The command as the user would name it, without its arguments: these may hold secrets (-x)."""
        return " ".join(command_lines.program(self.target).words)

    def _tell(self, script: ExportedScript) -> None:
        if script.exists_already:
            beside = script.to.with_name(script.to.name + ".new")
            self.say(f"{script.to} exists already, so the new file was left in {script.container}. Get it with:")
            self.say(f"  docker cp {script.container}:{script.made} {beside}")
            if script.container.startswith("migops-"):
                self.say(f"  docker rm -f -v {script.container}")
        elif script.owner is not None:
            self.say(f"the new file is {script.to}; give it to its folder's owner: "
                     f"sudo chown {script.owner[0]}:{script.owner[1]} {script.to}")  # fmt: skip
        else:
            build = " ".join(self.target.commands.build())
            then = f"; it is not in the image yet: {build}" if script.container and build else ""
            self.say(f"the new file is on the host: {script.to}{then}")


def has_terminal() -> bool:
    """Whether a terminal can be passed on: where only one end is one, output must stay as it is."""
    return sys.stdin.isatty() and sys.stdout.isatty()
