"""A command typed at a terminal, with the answers to its questions."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

QUESTION = re.compile(r"\]: ?$")
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def typed(line: str, answers: Sequence[str], cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """The exit code, and what a terminal shows, without colours."""
    code, output = coloured(line, answers, cwd, env)
    return code, _STYLE.sub("", output)


def coloured(
    line: str, answers: Sequence[str], cwd: Path, env: Mapping[str, str], deadline: float = 300
) -> tuple[int, str]:
    """The same as the terminal gets it. A question without an answer is a failure."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(("bash", "-c", line), cwd=cwd, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    left, output, asked, end = list(answers), "", 0, time.monotonic() + deadline
    try:
        while time.monotonic() < end:
            ready, _, _ = select.select((ours,), (), (), 1)
            if ready and not (piece := _read(ours)):
                break
            if ready:
                output += piece
            elif process.poll() is not None:
                break
            elif QUESTION.search(_STYLE.sub("", output[asked:])):
                assert left, f"`{line}` asks what the guide does not answer:\n{output}"
                os.write(ours, f"{left.pop(0)}\n".encode())
                asked = len(output)  # the terminal itself shows what is typed
        code = process.wait(timeout=max(1, end - time.monotonic()))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert not left, f"`{line}` did not ask, the answers {left} are left:\n{output}"
    return code, "\n".join(map(_left, output.replace("\r\n", "\n").split("\n")))


def _left(line: str) -> str:
    """What is left of a line on which progress was shown: the text after the last return to its beginning."""
    return line.rstrip("\r").rsplit("\r", 1)[-1].removeprefix("\x1b[2K").removeprefix("\x1b[K")


def _read(descriptor: int) -> str:
    """What has come; "" when the last one that could write has gone (which Linux tells as an error)."""
    try:
        return os.read(descriptor, 65536).decode(errors="replace")
    except OSError:
        return ""
