"""What stops migops, and the code it stops with. Raised where it is found; made text in one place, ``cli.main``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from migops.core.location import Location


class ExitCode(IntEnum):
    """The public contract of exit codes. The output format never changes them."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    NO_VERDICT = 3
    LOCKED = 4
    ABORTED = 5
    FAILED = 6
    OPERATOR = 7
    BUG = 70
    HANGUP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


class MigopsError(Exception):
    """An error its reader can act on: wrong usage or bad input, unless a subclass says otherwise.

    ``message`` says what was tried, on what, and what stood in the way; ``at`` is the file and line it is about;
    ``hint`` what to do next (a sentence, or a command to type).
    """

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, at: Location | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.at}: {self.message}" if self.at else self.message


class Unavailable(MigopsError):
    """Something that a verdict needs could not be read: the engine, the image, a stream that was cut."""

    exit_code = ExitCode.NO_VERDICT


class Locked(MigopsError):
    """Another run has the lock; ``message`` names it."""

    exit_code = ExitCode.LOCKED


class Stopped(MigopsError):
    """What ends a command that acts. ``commands`` are what to type now, each an argument list, in order."""

    def __init__(
        self, message: str, *, commands: Sequence[Sequence[str]] = (), at: Location | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, at=at, hint=hint)
        self.commands = tuple(tuple(command) for command in commands)


class Aborted(Stopped):
    """It stopped before it changed anything, or has undone all that it did."""

    exit_code = ExitCode.ABORTED


class Failed(Stopped):
    """What was done has failed; the old application runs, and the database is as it was."""

    exit_code = ExitCode.FAILED


class ManualActionRequired(Stopped):
    """Someone has to decide how it goes on; the message says exactly how things stand."""

    exit_code = ExitCode.OPERATOR
