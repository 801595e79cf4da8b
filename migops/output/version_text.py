"""The versions for a terminal: a line each, what is not known with its reason."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.text import Text

from migops.core.terminal import printable
from migops.output.console import console_for, hang, trimmed

if TYPE_CHECKING:
    from migops.commands.versions import VersionResult
    from migops.output import View


def render(result: VersionResult, view: View) -> str:
    """The version of migops, and with ``--all`` of what it works with."""
    if not result.parts:
        return f"migops {result.migops}\n"
    out = StringIO()
    console = console_for(view, out)
    width = max(map(len, result.parts)) + 2
    console.print(Text.assemble((f"{'migops':<{width}}", "bold"), result.migops))
    for name, part in result.parts.items():
        note = f" ({part.note})" if part.note else ""
        text = Text(printable(f"{part.version}{note}")) if part.version else Text(printable(part.reason), "yellow")
        hang(console, Text(f"{name:<{width}}", "bold"), text, width)
    return trimmed(out)
