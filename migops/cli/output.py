"""Where a report goes: the terminal, a pipe, or a file, in the format that was asked for."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from migops.errors import MigopsError
from migops.formats import FORMATS
from migops.formats.view import View
from migops.model import Location, Report

PIPE_WIDTH = 100  # columns where there is no terminal to ask


def write(report: Report, given: Mapping[str, Any]) -> None:
    """Render the report as the output options say, and write it whole or not at all."""
    show(lambda view: FORMATS[given["format_"]](report, view), given)


def show(render: Callable[[View], str], given: Mapping[str, Any]) -> None:
    """Write what ``render`` makes of the view that the output options and the terminal ask for."""
    output = given["output"]
    terminal = not output and sys.stdout.isatty()
    color = terminal and not given["no_color"] and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns if terminal else int(os.environ.get("COLUMNS") or PIPE_WIDTH)
    text = render(View(max(width, 40), color, given["verbose"], given["quiet"]))
    if output:
        write_file(Path(output), text)
    else:
        sys.stdout.write(text)
        sys.stdout.flush()


def write_file(path: Path, text: str) -> None:
    """Write through a neighbour and a rename, so that a reader never finds half a report."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise MigopsError(f"cannot write the report: {error.strerror}", at=Location(str(path))) from None
