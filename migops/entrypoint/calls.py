"""Calls of Alembic in a container's start, each with its working directory and variables."""

from __future__ import annotations

import posixpath

from migops.core.model import Location
from migops.dockerfile.state import DEFAULT_PATH
from migops.entrypoint.alembic_call import Call, Process, Text
from migops.entrypoint.follow import Follower
from migops.entrypoint.model import File
from migops.entrypoint.ran import call_in


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
    return tuple(dict.fromkeys(call for ran in follower.record.ran if (call := call_in(ran)) is not None))
