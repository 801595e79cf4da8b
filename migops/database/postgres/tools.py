"""PostgreSQL's own programs, run in a container that has them: their input from a file of ours, their output to us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migops.core.errors import Unavailable
from migops.core.redaction import redact
from migops.core.wait import until
from migops.docker import Engine, execs
from migops.docker.feeding import conversation

_KEPT = 4000  # bytes of what a program says that are shown when it fails
_SETTLE = 3.0  # seconds after its output's end in which the engine notes how a program ended
_MISSING = (126, 127)
SILENCE = 900.0  # seconds in which a dump moves on, however slow the disk
PATIENCE = 1e6  # seconds: an index of a large table is built without a word

Sink = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended: its own exit code, and the end of what it said on standard error, free of secrets."""

    code: int
    said: str

    @property
    def how(self) -> str:
        """In words, for a sentence."""
        killed = f"was killed by signal {self.code - 128}" if self.code > 128 else f"ended with code {self.code}"
        return f"{killed}: {self.said}" if self.said else killed


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the programs are, and the variables by which they get to the database."""

    engine: Engine
    container: str
    name: str
    variables: Mapping[str, str] = field(repr=False)
    redact: Callable[[str], str] = redact

    def run(
        self, words: Sequence[str], sink: Sink, given: Iterator[bytes] | None = None, silence: float = SILENCE
    ) -> Ran:
        """Run to the end. What ``sink`` raises ends it for us; the program is then on its own.

        ``Unavailable`` where the container has no such program, or where how it ended cannot be known.
        """
        exec_id = execs.create_exec(self.engine, self.container, words, self.variables, stdin=given is not None)
        started = (
            execs.output(self.engine, exec_id, silence)
            if given is None
            else conversation(self.engine, exec_id, given, silence)
        )
        said = b""
        refused = b""
        with started as pieces:
            for stream, data in pieces:
                if stream == execs.STDERR:
                    said = (said + data)[-_KEPT:]
                elif data.startswith(execs.REFUSED):
                    refused = data
                else:
                    sink(data)
        code = self._code(exec_id, words)
        if refused or (code in _MISSING and b"not found" in said):
            raise Unavailable(
                f"the container {self.name} cannot run {_program(words)}: "
                + self.redact((refused or said).decode(errors="replace").strip())
            )
        return Ran(code, self.redact(" ".join(said.decode(errors="replace").split())))

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
