"""Writes a command's answer to the terminal, a pipe or a file, in its width and colours; errors of writing."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.core.errors import MigopsError, Unavailable
from migops.core.location import Location

if TYPE_CHECKING:
    from migops.output import View

PIPE_WIDTH = 100  # columns where there is no terminal to ask
NARROWEST, WIDEST = 40, 1000
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""Errors of a stream or disk that takes no more data; the command line was not at fault."""


class OutputError(Unavailable):
    """The answer could not be written."""


def show(answer: str, result: object, given: Mapping[str, Any]) -> None:
    """Render the result of an answer (a key of ``output.ANSWERS``) by the output options, and write it.

    Raises as ``put`` does.
    """
    from migops.output import render

    put(render(answer, result, view_of(given), given.get("format_")), given.get("output"))


def preview(answer: str, result: object, given: Mapping[str, Any]) -> str:
    """The result in the default format, for a person who decides now; standard output stays for the answer."""
    from migops.output import render

    return render(answer, result, view_of(given))


def view_of(given: Mapping[str, Any]) -> View:
    """The view by the output options that the command has, the terminal, NO_COLOR and COLUMNS."""
    from migops.output import View

    terminal = not given.get("output") and sys.stdout is not None and sys.stdout.isatty()
    plain = given.get("no_color") or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return View(_width(terminal), terminal and not plain, bool(given.get("verbose")), bool(given.get("quiet")))


def put(text: str, output: str | None = None) -> None:
    """Write to the file ``output``, or else to standard output.

    Raises OutputError where the text cannot be written there, MigopsError where ``output`` cannot be a file, and
    BrokenPipeError where the reader has gone.
    """
    if output:
        write_file(Path(output), text)
        return
    if sys.stdout is None:  # how Python says that it was closed before we began
        raise OutputError("cannot write to standard output: it is closed", hint="--output FILE, or > /dev/null")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror}") from None


def write_file(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never finds half a report.

    A link is followed. A device or a pipe is written to, never replaced.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            _replace(Path(os.path.realpath(path)), text)
    except OSError as error:
        kind = OutputError if error.errno in FULL else MigopsError
        raise kind(f"cannot write the report: {error.strerror}", at=Location(str(path))) from None


def _replace(path: Path, text: str) -> None:
    """Write a neighbour and rename it. An existing file keeps its mode; a new one gets the umask's."""
    partial = path.with_name(f".migops-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "w", encoding="utf-8") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
            file.write(text)
        partial.replace(path)
    except BaseException:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)
        raise


def _width(terminal: bool) -> int:
    if terminal:
        columns = shutil.get_terminal_size().columns
    else:
        wanted = os.environ.get("COLUMNS", "")
        columns = int(wanted) if wanted.isdecimal() and len(wanted) < 9 else PIPE_WIDTH
    return min(max(columns, NARROWEST), WIDEST)
