"""Alembic while it runs: its output passed on as it comes, its exit code, and the signals that stop it."""

from __future__ import annotations

import secrets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, Any

from migops.core.errors import Unavailable
from migops.core.process import start
from migops.docker import Engine, execs
from migops.docker.containers import inspect
from migops.runner.command_lines import SAY_HOW, TOKEN, signalling
from migops.runner.signals import ENDED, Events, attend
from migops.runner.streams import Sink
from migops.runner.terminal import in_terminal

_SETTLE = 0.3  # seconds: an engine that compose left in the middle of creating the one-off has made it then
_COMPOSE = {"COMPOSE_PROGRESS": "quiet", "COMPOSE_IGNORE_ORPHANS": "true"}  # it says nothing but what went wrong
_NEVER = "0001-01-01"  # how the engine writes a time that has not come


class NotStarted(Unavailable):
    """Alembic was not started, so nothing can have come of it. ``facts`` are for the journal."""

    facts: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: its own exit code, and the signal (a number, 0: none; or LOST) by which we were told to stop it.

    ``is_over`` is False where it could not be stopped, and then ``code`` says nothing.
    """

    code: int
    signal: int = 0
    is_over: bool = True


@dataclass(slots=True)
class Exec:
    """Alembic in a container that runs anyway: only its process is ours."""

    engine: Engine
    container: str
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def send(self, name: str) -> None:
        for command in signalling(self.token, name):
            with suppress(Unavailable):
                if execs.run_quietly(self.engine, self.container, command) not in (126, 127, None):
                    return

    def run(
        self, words: Sequence[str], sink: Sink, events: Events, env: Mapping[str, str], working_dir: str = ""
    ) -> Ended:
        """Run to the end, without a terminal. ``Unavailable`` where the container has no such program."""
        exec_id = execs.create_exec(self.engine, self.container, words, {TOKEN: self.token, **env}, cwd=working_dir)
        failures: list[Unavailable] = []
        refusals: list[bytes] = []

        def read() -> None:
            try:
                with execs.output(self.engine, exec_id) as pieces:
                    for stream, data in pieces:
                        refusals.append(data) if data.startswith(execs.REFUSED) else sink(stream, data)
            except Unavailable as error:
                failures.append(error)
            finally:
                events.put(ENDED)

        threading.Thread(target=read, daemon=True).start()
        number, is_over = attend(self, events)
        if not is_over:
            return Ended(1, number, is_over=False)
        if failures:
            raise failures[0]
        state = execs.exec_state(self.engine, exec_id)
        if refusals and state.pid == 0:
            raise _no_such_program(words[0])
        for data in refusals:
            sink(execs.STDOUT, data)
        if state.code is None:
            raise Unavailable(
                f"{words[0]} has closed its output in {self.container[:12]}, and its exit code is not known"
            )
        return Ended(state.code, number)

    def run_in_terminal(self, argv: Sequence[str], sink: Sink, events: Events, env: Mapping[str, str]) -> Ended:
        """Run to the end through docker's own CLI, which passes a terminal on; ``env`` is added to the CLI's own."""
        with in_terminal(argv, lambda data: sink(execs.STDOUT, data), env) as (process, shown):
            _announce(process, [shown], events)
            number, is_over = attend(self, events)
        return Ended(process.wait() if is_over else 1, number, is_over)


@dataclass(slots=True)
class OneOff:
    """Alembic as the first process of a container of its own, which compose makes and migops removes."""

    engine: Engine
    name: str
    process: subprocess.Popen[bytes] | None = None
    kept: bool = False

    def send(self, name: str) -> None:
        with suppress(Unavailable):
            if not execs.kill(self.engine, self.name, f"SIG{name}") and self.process is not None:
                self.process.terminate()  # there is no container yet, or it has just ended: compose stops making one

    def run(self, argv: Sequence[str], sink: Sink, events: Events, env: Mapping[str, str], *, terminal: bool) -> Ended:
        """Run to the end; ``env`` is added to compose's own.

        ``Unavailable`` where compose could not start the container; it has said why.
        """
        if terminal:
            with in_terminal(argv, lambda data: sink(execs.STDOUT, data), {**_COMPOSE, **env}) as (self.process, shown):
                _announce(self.process, [shown], events)
                number, _ = attend(self, events)
        else:
            self.process = start(argv, env={**_COMPOSE, **env})
            streams = ((execs.STDOUT, self.process.stdout), (execs.STDERR, self.process.stderr))
            _announce(self.process, [_pump(name, stream, sink) for name, stream in streams if stream], events)
            number, _ = attend(self, events)
        inspected = inspect(self.engine, self.name)
        state: Mapping[str, Any] = (inspected or {}).get("State") or {}
        if number and not state:
            return Ended(128 + number, number)
        if "executable file not found" in str(state.get("Error")):
            raise _no_such_program(str((inspected or {}).get("Path")))
        if str(state.get("StartedAt") or _NEVER).startswith(_NEVER):
            raise NotStarted(
                f"docker compose did not start a one-off container (it ended with {self.process.poll()})",
                hint="see its output above",
            )
        if state.get("Running"):  # compose went away and left it, or it could not be stopped
            if not number:
                raise Unavailable(
                    "docker compose exited while the one-off container was running; removing the container now"
                )
            return Ended(1, number, is_over=False)
        return Ended(int(state.get("ExitCode") or 0), number)

    def end(self) -> None:
        """See that neither compose nor the container is left, unless it was to be kept."""
        if self.process is None or self.kept:
            return
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not execs.remove(self.engine, self.name):
            time.sleep(_SETTLE)
            execs.remove(self.engine, self.name)


def new_name() -> str:
    """A name for a one-off container that none has."""
    return f"migops-{secrets.token_hex(6)}"


@contextmanager
def one_off(engine: Engine, name: str) -> Iterator[OneOff]:
    """A one-off container of that name, for compose to make; afterwards it is gone."""
    found = OneOff(engine, name)
    try:
        yield found
    finally:
        found.end()


def _pump(number: int, stream: IO[bytes], sink: Sink) -> threading.Thread:
    def read() -> None:
        with stream:
            while data := stream.read1(1 << 16):  # type: ignore[attr-defined]
                sink(number, data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _announce(process: subprocess.Popen[bytes], pumps: Sequence[threading.Thread], events: Events) -> None:
    """Tell ``events`` when the process has ended and all that it wrote was passed on."""

    def wait() -> None:
        for pump in pumps:
            pump.join()
        process.wait()
        events.put(ENDED)

    threading.Thread(target=wait, daemon=True).start()


def _no_such_program(word: str) -> NotStarted:
    return NotStarted(
        f"the container has no program {word!r} on its PATH",
        hint=SAY_HOW,
    )
