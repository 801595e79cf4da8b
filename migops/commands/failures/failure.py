"""One known failure: its pattern, its meaning, what to look at, and the fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from migops.commands.failures.inputs import Cause, FailureInputs


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a fix. In ``command``, ``{compose}``, ``{service}``, ``{image}`` and the names of the pattern's
    groups are filled in, and a command of migops gets this call's options and service; without a command, ``why`` is
    the instruction.
    """

    why: str
    command: tuple[str, ...] = ()


Look = Callable[["re.Match[str]", FailureInputs], Iterator[Step]]
"""The steps that the output and the places lead to, with complete commands. They come first."""


class Changes(Enum):
    """What the fix of a failure changes, and so what must have it before Alembic can go on."""

    FILES = "files"
    """The project's files: scripts, env.py, code, requirements. An image has copies of them."""
    SERVICE = "service"
    """The service's definition: the compose file, or the environment that it sets."""
    NOTHING = "nothing"
    """Nothing of the project: a command is the fix, or the server's state, or the words of the call."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure, recognised by its output.

    From ``pattern``, only the groups in ``REPEATED`` are repeated: names, which cannot contain secrets. ``rules``:
    rules whose findings may be the cause, likeliest first; the fix of a finding replaces ``fix``. ``asks_database``:
    read the database (read-only) to find them. ``look`` finds the steps for this very output; if it finds one, that
    replaces ``fix``.
    """

    name: str
    pattern: re.Pattern[str]
    means: str
    rules: tuple[str, ...] = ()
    cause: Cause | None = None
    fix: tuple[Step, ...] = ()
    asks_database: bool = False
    look: Look | None = None
    in_frames: bool = False
    """The pattern needs the frames of the traceback, not only the exception's message."""
    is_consequence: bool = False
    """Follows from another failure, which is explained instead if it is in the output."""
    seeks_program: bool = False
    """Look in the image for the program that runs Alembic."""
    changes: Changes = Changes.FILES
    codes: tuple[int, ...] = ()
    """Exit codes that mean this failure if the output has no other one."""


REPEATED = frozenset(
    ("revision", "host", "table", "column", "name", "variable", "module", "driver", "option", "kind", "program")
)
"""The groups of a pattern that an explanation repeats."""
