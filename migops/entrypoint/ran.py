"""The call of Alembic in a command as a start runs it: under wrappers, and with variables set in front of it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from migops.entrypoint.alembic_call import Call, call_of
from migops.entrypoint.failing import ASSIGNED
from migops.entrypoint.model import Ran
from migops.entrypoint.words import unwrapped


def call_in(ran: Ran) -> Call | None:
    """The call in a command that a start runs, with wrappers; None if it calls something else."""
    words = unwrapped(ran.words)
    given = ran.words[: len(ran.words) - len(words)]
    environment = {**ran.environment, **dict(_assigned(given))}
    module = False
    if words and posixpath.basename(words[0]).startswith("python") and "-m" in words[:-1]:
        at = words.index("-m")
        named = words[at + 1].removesuffix(".config")
        words, module = (named, *words[at + 2 :]), True
    cwd = _moved(ran, given)
    call = call_of(words, cwd or ran.cwd, environment, module=module)
    if call is None:
        return None
    lost = "ALEMBIC_CONFIG" in ran.unknown and "ALEMBIC_CONFIG" not in dict(_assigned(given))
    if lost and not call.configs:
        return replace(call, undecided=f"the value of ALEMBIC_CONFIG for {call.by} is known only at runtime")
    return call


def _assigned(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The variables that are set in front of a command, by the shell or by ``env``."""
    for word in words:
        assignment = ASSIGNED.fullmatch(word)
        if assignment:
            yield assignment[1], assignment[2]


def _moved(ran: Ran, wrapped: tuple[str, ...]) -> str:
    """The folder that a wrapper changes to before the command: ``poetry -C DIR run``, ``env --chdir DIR``."""
    for at, word in enumerate(wrapped):
        option, equals, value = word.partition("=")
        if option in ("-C", "--chdir", "--directory"):
            named = value if equals else "".join(wrapped[at + 1 : at + 2])
            return posixpath.normpath(posixpath.join(ran.cwd, named))
    return ""
