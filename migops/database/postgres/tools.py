"""Runs PostgreSQL's own programs in a container that has them, with local input and output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migops.core.errors import Unavailable
from migops.core.redaction import redact
from migops.core.wait import until
from migops.docker import Engine, execs
from migops.docker.feeding import conversation

_KEPT = 4000  # last bytes of a program's standard error, shown when it fails
_SETTLE = 3.0  # seconds for the engine to record the exit code after the end of the output
_MISSING = (126, 127)
SILENCE = 900.0  # seconds without output after which a dump has failed, even on a slow disk
PATIENCE = 1e6  # seconds: building an index on a large table produces no output

Sink = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Ran:
    """The end of a program: its exit code, and the end of its standard error, free of secrets."""

    code: int
    said: str

    @property
    def how(self) -> str:
        """The end in words, as part of a sentence."""
        killed = f"was killed by signal {self.code - 128}" if self.code > 128 else f"ended with code {self.code}"
        return f"{killed}: {self.said}" if self.said else killed


@dataclass(frozen=True, slots=True)
class Tools:
    """The container with the programs, and the variables with the database's address."""

    engine: Engine
    container: str
    name: str
    variables: Mapping[str, str] = field(repr=False)
    redact: Callable[[str], str] = redact

    def run(
        self, words: Sequence[str], sink: Sink, given: Iterator[bytes] | None = None, silence: float = SILENCE
    ) -> Ran:
        """Run a program to its end. ``given`` is its input, ``sink`` gets its output, ``silence`` is in seconds.

        An exception from ``sink`` is passed on, and the program is left to itself. Raises ``Unavailable`` if the
        container has no such program, or if its exit code cannot be known.
        """
        exec_id = execs.create_exec(self.engine, self.container, words, self.variables, stdin=given is not None)
        started = (
            execs.output(self.engine, exec_id, silence)
            if given is None
            else conversation(self.engine, exec_id, given, silence)
        )
        errors = b""
        refused = b""
        with started as pieces:
            for stream, data in pieces:
                if stream == execs.STDERR:
                    errors = (errors + data)[-_KEPT:]
                elif data.startswith(execs.REFUSED):
                    refused = data
                else:
                    sink(data)
        code = self._code(exec_id, words)
        if refused or (code in _MISSING and b"not found" in errors):
            raise Unavailable(
                f"the container {self.name} cannot run {_program(words)}: "
                + self.redact((refused or errors).decode(errors="replace").strip())
            )
        return Ran(code, self.redact(" ".join(errors.decode(errors="replace").split())))

    def _code(self, exec_id: str, words: Sequence[str]) -> int:
        state = until(
            lambda: execs.exec_state(self.engine, exec_id), lambda found: found.code is not None,
            seconds=_SETTLE, pause=0.05,
        )  # fmt: skip
        if state.code is None:
            raise Unavailable(f"{_program(words)} in {self.name} has closed its output, and how it ended is not known")
        return state.code


def _program(words: Sequence[str]) -> str:
    return next((word for word in words if word.startswith("pg_")), words[0])
