"""A rescue in lines: the scripts that were copied, those that were left, and the next step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from migops.core.terminal import printable, quoted, shell_line

if TYPE_CHECKING:
    from migops.commands.rescue import RescueResult
    from migops.output import View


def render(result: RescueResult, view: View) -> str:
    """A line for each script, and a last one that says how to go on."""
    here = f"{Path.cwd()}/"
    verb = "would copy" if result.dry_run else "copied"
    lines = []
    for copy in result.copies:
        label = f"{copy.revision}: " if copy.revision else ""
        to = str(copy.to).removeprefix(here)
        lines.append(printable(f"{verb} {label}{copy.script.path} of {copy.container} to {to}"))
        if copy.why:
            lines.append(printable(f"  note: {copy.why}"))
    lines += [printable(f"not copied: {script.name} of {script.container}: {script.why}") for script in result.left]
    if result.unread:
        lines += [printable(f"not read: {result.unread}"), *([printable(f"  try: {result.hint}")] * bool(result.hint))]
        lines += ["scripts in the state folder that the host does not have (compare before you copy one):"]
        lines += [f"  {quoted(str(path))}" for path in result.archived]
    elif not result.copies:
        lines.append("nothing to rescue: every revision in the containers is elsewhere too")
    elif not result.dry_run:
        lines += _then(result)
    return "\n".join(lines) + "\n"


def _then(result: RescueResult) -> Iterator[str]:
    """What to do with the copies, as commands."""
    if result.commit:
        yield f"read the copies; then commit them: {' && '.join(map(shell_line, result.commit))}"
    else:
        yield "read the copies before an image is built with them"
    if result.next:
        yield f"next   {shell_line(result.next)}"
