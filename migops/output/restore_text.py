"""The plan and the result of a restore, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from migops.commands.backup import undo_commands
from migops.commands.backup.restore_plan import Restore
from migops.commands.backup.restore_words import origin, reasons, steps
from migops.commands.backup.result import RestoreResult
from migops.commands.backup.swap import Swapped
from migops.core.terminal import printable, shell_line
from migops.core.text import counted
from migops.output.backup_text import amount
from migops.output.console import console_for, hang, trimmed
from migops.sources.database_state import DatabaseState

if TYPE_CHECKING:
    from migops.output import View


def plan(result: RestoreResult, view: View) -> str:
    """The plan: the backup, the current database, and the steps."""
    planned = result.plan
    out = StringIO()
    console = console_for(view, out)
    name = Text(printable(planned.source.service), "bold")
    line = Text.assemble(("RESTORE", "bold yellow"), "  ", name, f": {printable(planned.path.name)}")
    console.print(line, soft_wrap=True)
    if view.quiet:
        return trimmed(out)
    for key, value in _facts(planned):
        hang(console, Text(f"  {key:<8}"), Text(printable(value)), 10)
    console.print()
    for number, step in enumerate(steps(planned), 1):
        hang(console, Text(f"  {number}  ", "dim"), Text(printable(step)), 5)
    console.print()
    return trimmed(out)


def _facts(planned: Restore) -> Iterator[tuple[str, str]]:
    known = planned.manifest
    date = f"{known.taken_at:%Y-%m-%d %H:%M} UTC, " if known else ""
    tables = len(planned.verified.contents.tables)
    revisions = ", ".join(planned.verified.revisions) or "none"
    size = amount(planned.verified.size)
    yield "backup", f"{date}revision {revisions}, {counted(tables, 'table')}, {size}, complete"
    if known is None:
        yield (
            "note",
            "it has no manifest: the file is readable to its end, but nothing proves that it is the original dump",
        )
    if planned.needs_name:
        yield "note", f"{origin(planned)}; you will have to type the database name"
    yield "now", _now(planned)
    for service, why in reasons(planned).items():
        yield "stops", f"{service}: {why}"
    for each in planned.unsure:
        yield "unsure", f"{each.service} keeps running, although it may use the database: {each.why}"


def _now(planned: Restore) -> str:
    if planned.properties is None:
        return f"there is no database {planned.database}"
    if isinstance(planned.state, DatabaseState):
        rows = ", ".join(planned.state.rows) or "none"
        return f"revision {rows}; data written after the backup is not in it"
    return f"could not read it: {planned.state.reason}"


def done(result: RestoreResult, view: View) -> str:
    """The result and the commands for afterwards. ``result.swapped`` is not None."""
    planned = result.plan
    out = StringIO()
    console = console_for(view, out)
    known = planned.manifest
    date = f" of {known.taken_at:%Y-%m-%d %H:%M} UTC" if known else ""
    revisions = ", ".join(planned.verified.revisions) or "none"
    sentence = f": {planned.database} is the backup{date}, revision {revisions}"
    name = Text(printable(planned.source.service), "bold")
    console.print(Text.assemble(("RESTORED", "bold green"), "  ", name, printable(sentence)))
    if not view.quiet:
        _after(console, planned, result.swapped)
    return trimmed(out)


def _after(console: Console, planned: Restore, swapped: Swapped | None) -> None:
    assert swapped is not None  # noqa: S101 - the plan is another answer
    running = [each.name for each in planned.stopping if each not in swapped.down]
    if running:
        words = f"{', '.join(running)}, stopped for {swapped.seconds:.1f} s"
        hang(console, Text("  running  "), Text(printable(words)), 11)
    if not swapped.kept:
        return
    hang(console, Text("  kept     "), Text(f"the old database: {printable(planned.old)}"), 11)
    console.print()
    for number, command in enumerate(undo_commands.back(planned)):
        console.print(
            Text.assemble(("back     " if not number else "then     "), (shell_line(command), "bold")), soft_wrap=True
        )
    remove = shell_line(undo_commands.removing(planned))
    console.print(Text.assemble("\nremove   ", (remove, "bold")), soft_wrap=True)
