"""The plan and the result of a restore, for a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.text import Text

from migops.commands.backup import undo_commands
from migops.commands.backup.identity import Relation
from migops.commands.backup.restore_plan import Restore
from migops.commands.backup.store import Backup
from migops.commands.backup.swap import Swapped
from migops.core.terminal import printable
from migops.core.text import counted
from migops.output.backup import amount, record
from migops.output.text import console_for, hang, shell, trimmed
from migops.output.view import View
from migops.sources.database_state import DatabaseState


def plan(planned: Restore, view: View) -> str:
    """The plan: the backup, the current database, and the steps."""
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
        yield "note", "it has no manifest: the file is readable to its end, but whether it is the original is unknown"
    if planned.needs_name:
        yield "note", f"{origin(planned)}; you must type the database's name first"
    yield "now", _now(planned)
    for service, why in _reasons(planned).items():
        yield "stops", f"{service}: {why}"
    for each in planned.unsure:
        yield "unsure", f"{each.service} is not stopped, but may use the database: {each.why}"


_ORIGINS = {
    Relation.SAME: "the backup is of this database",
    Relation.RECREATED: "the backup is of an earlier server at this place, which was recreated since",
    Relation.UNPROVED: "whether the backup is of this server is unknown",
    Relation.FOREIGN: "the backup is of another database",
    Relation.UNIDENTIFIED: "the backup does not record which server it was taken from",
}


def origin(planned: Restore) -> str:
    """The relation of the backup's database to the current one, for a sentence."""
    compared = planned.origin
    words = _ORIGINS[compared.relation]
    if compared.relation is Relation.UNIDENTIFIED or not compared.why:
        known = planned.manifest
        return f"{words} (it was taken by migops {known.migops})" if known and compared.why else words
    return f"{words} ({'; '.join(compared.why)})"


def _reasons(planned: Restore) -> dict[str, str]:
    """The reason why each service stops, by service."""
    return {each.service: each.why for each in planned.stopping}


def _now(planned: Restore) -> str:
    if planned.properties is None:
        return f"there is no database {planned.database}"
    if isinstance(planned.state, DatabaseState):
        rows = ", ".join(planned.state.rows) or "none"
        return f"revision {rows}; the backup lacks everything written since it was taken"
    return f"unknown: {planned.state.reason}"


def steps(planned: Restore) -> list[str]:
    """The steps in order."""
    services = ", ".join(planned.services)
    names = ", ".join(each.name for each in planned.stopping)
    found = [f"create the database {planned.new}, restore the backup into it, check its tables and revision"]
    if services:
        found.append(f"stop {services} ({names})")
    if planned.properties is None:
        found.append(f"rename {planned.new} to {planned.database}")
    else:
        others = f", including {', '.join(planned.external_sessions)}" if planned.external_sessions else ""
        found += [
            f"end all sessions in {planned.database}{others}",
            f"in one transaction: rename {planned.database} to {planned.old} (kept), and {planned.new} to "
            f"{planned.database}, with the same owner, privileges and settings as now",
        ]
    return [*found, f"start {services} again"] if services else found


def done(planned: Restore, swapped: Swapped, view: View) -> str:
    """The result and the commands for afterwards."""
    out = StringIO()
    console = console_for(view, out)
    known = planned.manifest
    date = f" of {known.taken_at:%Y-%m-%d %H:%M} UTC" if known else ""
    revisions = ", ".join(planned.verified.revisions) or "none"
    result = f": {planned.database} is the backup{date}, revision {revisions}"
    name = Text(printable(planned.source.service), "bold")
    console.print(Text.assemble(("RESTORED", "bold green"), "  ", name, printable(result)))
    if not view.quiet:
        _after(console, planned, swapped)
    return trimmed(out)


def _after(console: Console, planned: Restore, swapped: Swapped) -> None:
    running = [each.name for each in planned.stopping if each not in swapped.down]
    if running:
        words = f"{', '.join(running)}, stopped for {swapped.seconds:.1f} s"
        hang(console, Text("  running  "), Text(printable(words)), 11)
    if not swapped.kept:
        return
    hang(console, Text("  kept     "), Text(f"the previous database: {printable(planned.old)}"), 11)
    console.print()
    for number, command in enumerate(undo_commands.back(planned)):
        console.print(
            Text.assemble(("back     " if not number else "then     "), (shell(command), "bold")), soft_wrap=True
        )
    remove = shell(undo_commands.removing(planned))
    console.print(Text.assemble("\nremove   ", (remove, "bold")), soft_wrap=True)


def as_json(planned: Restore, swapped: Swapped | None) -> str:
    """The document of ``migops restore``; ``swapped`` is None for a dry run."""
    state = planned.state
    kept = planned.properties is not None
    document: dict[str, Any] = {
        "schema": 1,
        "command": "restore",
        "outcome": "planned" if swapped is None else "done",
        "database": planned.database,
        "backup": record(Backup(planned.path, planned.manifest)),
        "revisions": {
            "before": list(state.rows) if isinstance(state, DatabaseState) else None,
            "after": list(planned.verified.revisions),
        },
        "tables": len(planned.verified.contents.tables),
        "steps": steps(planned),
        "services": list(planned.services),
        "stops": [{"service": service, "why": why} for service, why in _reasons(planned).items()],
        "unsure": [{"service": each.service, "why": each.why} for each in planned.unsure],
        "origin": {
            "relation": planned.origin.relation.value,
            "why": list(planned.origin.why),
            "name_needed": planned.needs_name,
        },
        "kept": planned.old if kept else None,
        "down": [each.name for each in swapped.down] if swapped else [],
        "seconds": round(swapped.seconds, 3) if swapped else None,
        "commands": {"back": _lists(undo_commands.back(planned)), "remove": list(undo_commands.removing(planned))}
        if kept
        else None,
    }
    return json.dumps(document, indent=2) + "\n"


def _lists(commands: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(each) for each in commands]
