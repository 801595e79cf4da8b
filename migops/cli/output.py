"""Output of a command to the terminal, a pipe or a file: width, colour and errors."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.core.errors import MigopsError, Unavailable
from migops.core.location import Location

if TYPE_CHECKING:
    from migops.core.model import Report
    from migops.output.view import View

PIPE_WIDTH = 100  # columns where there is no terminal to ask
NARROWEST, WIDEST = 40, 1000
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What the system says of a stream or a disk that takes no more; the command line was not at fault."""


class OutputError(Unavailable):
    """The answer could not be written, so that nobody has it."""


def write(report: Report, given: Mapping[str, Any]) -> None:
    """Render the report according to the output options, and write it completely or not at all."""
    from migops.output import FORMATS

    show(lambda view: FORMATS[given["format_"]](report, view), given)


def show(render: Callable[[View], str], given: Mapping[str, Any]) -> None:
    """Write what ``render`` makes of the view that the output options and the terminal ask for."""
    put(render(view_of(given)), given.get("output"))


def view_of(given: Mapping[str, Any]) -> View:
    """Width, colour and verbosity: from the command's options, the terminal, NO_COLOR and COLUMNS."""
    from migops.output.view import View

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
    """Write a file whole or not at all, so that a reader never finds half a report.

    Through a link, what it leads to is written. A device or a pipe is written to as it is, and never replaced.
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
    """Through a neighbour and a rename. A file that was there keeps its mode; a new one gets what the umask gives."""
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
        given = os.environ.get("COLUMNS", "")
        columns = int(given) if given.isdecimal() and len(given) < 9 else PIPE_WIDTH
    return min(max(columns, NARROWEST), WIDEST)
