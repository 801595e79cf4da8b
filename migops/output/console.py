"""Lines for a terminal, written with rich: the console, and the shapes that several answers print."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from migops.core.terminal import printable

if TYPE_CHECKING:
    from migops.output import View


def console_for(view: View, out: StringIO) -> Console:
    """A console that writes plain lines of the view's width; colours only if the view has them."""
    return Console(
        file=out, width=view.width, force_terminal=view.color, color_system="standard" if view.color else None,
        height=25, highlight=False, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip


def trimmed(out: StringIO) -> str:
    """The printed text without trailing blanks."""
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


def hang(console: Console, lead: Text, body: Text, indent: int) -> None:
    """Print ``body`` beside ``lead``, wrapped under itself."""
    margin = Text(" " * indent)
    lines = body.wrap(console, console.width - indent, overflow="fold")
    for number, line in enumerate(lines):
        lead.set_length(indent)
        console.print(Text.assemble(margin if number else lead, line), soft_wrap=True)


def short(location: str) -> str:
    """A path below the current folder as the user would type it."""
    here = f"{Path.cwd()}/"
    return printable(", ".join(path.removeprefix(here) for path in location.split(", ")))
