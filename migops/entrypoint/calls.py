"""Calls of Alembic in a container's start, each with its working directory and variables."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from migops.core.model import Location
from migops.dockerfile.state import DEFAULT_PATH
from migops.entrypoint.alembic_call import Call, Process, Text, call_of
from migops.entrypoint.failing import ASSIGNED
from migops.entrypoint.follow import Follower
from migops.entrypoint.model import File, Ran
from migops.entrypoint.words import unwrapped


def calls(process: Process, text: Text) -> tuple[Call, ...]:
    """Follow the start. Nothing is run; ``text`` reads only the shell scripts among the files that it names."""

    def files(path: str) -> File | None:
        content = None if path.endswith(".py") or "/python" in path else text(path)
        return File(content, path, "image") if content is not None else None

    path = (process.environment.get("PATH") or DEFAULT_PATH).split(":")
    follower = Follower(files, path, process.environment)
    if process.words:
        cwd = posixpath.normpath(process.working_dir or "/")
        follower.start(process.words, cwd, Location("ENTRYPOINT and CMD"), "image")
    return tuple(dict.fromkeys(call for ran in follower.ran if (call := _call(ran)) is not None))


def _call(ran: Ran) -> Call | None:
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
