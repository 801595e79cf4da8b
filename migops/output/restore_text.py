"""A restore for a terminal: the plan, and what was done."""

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
from migops.core.terminal import printable
from migops.output.backup_text import amount
from migops.output.console import console_for, hang, shell, trimmed
from migops.sources.database_state import DatabaseState

if TYPE_CHECKING:
    from migops.output import View


def plan(result: RestoreResult, view: View) -> str:
    """The backup, the database that is there, and the steps."""
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
    when = f"{known.taken_at:%Y-%m-%d %H:%M} UTC, " if known else ""
    tables = len(planned.verified.contents.tables)
    revisions = ", ".join(planned.verified.revisions) or "none"
    size = amount(planned.verified.size)
    yield "backup", f"{when}revision {revisions}, {tables} table{'' if tables == 1 else 's'}, {size}, whole"
    if known is None:
        yield "mind", "it has no manifest: that it can be read to its end is known, that it is what was dumped is not"
    if planned.needs_name:
        yield "mind", f"{origin(planned)}; the name of the database is asked for before anything is done"
    yield "now", _now(planned)
    for service, why in reasons(planned).items():
        yield "stops", f"{service}: {why}"
    for each in planned.unsure:
        yield "unsure", f"{each.service} is not stopped, though it may use the database: {each.why}"


def _now(planned: Restore) -> str:
    if planned.properties is None:
        return f"there is no database {planned.database}"
    if isinstance(planned.state, DatabaseState):
        rows = ", ".join(planned.state.rows) or "none"
        return f"revision {rows}; what was written since the backup was taken is not in it"
    return f"it cannot be asked: {planned.state.reason}"


def done(result: RestoreResult, view: View) -> str:
    """The database as it is now, and the commands that undo the restore. ``result.swapped`` is not None."""
    planned = result.plan
    out = StringIO()
    console = console_for(view, out)
    known = planned.manifest
    when = f" of {known.taken_at:%Y-%m-%d %H:%M} UTC" if known else ""
    revisions = ", ".join(planned.verified.revisions) or "none"
    sentence = f": {planned.database} is the backup{when}, revision {revisions}"
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
    hang(console, Text("  kept     "), Text(f"the database that was there: {printable(planned.old)}"), 11)
    console.print()
    for number, command in enumerate(undo_commands.back(planned)):
        console.print(
            Text.assemble(("back     " if not number else "then     "), (shell(command), "bold")), soft_wrap=True
        )
    remove = shell(undo_commands.removing(planned))
    console.print(Text.assemble("\nremove   ", (remove, "bold")), soft_wrap=True)
