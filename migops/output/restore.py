"""What a restore would do, and what it did: for a terminal, and as JSON."""

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
from migops.output.backup import amount, record
from migops.output.text import console_for, hang, shell, trimmed
from migops.output.view import View
from migops.sources.database_state import DatabaseState


def plan(planned: Restore, view: View) -> str:
    """The backup, the database that is there, and the steps."""
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
    taken = f"{known.taken_at:%Y-%m-%d %H:%M} UTC, " if known else ""
    tables = len(planned.verified.contents.tables)
    revisions = ", ".join(planned.verified.revisions) or "none"
    size = amount(planned.verified.size)
    yield "backup", f"{taken}revision {revisions}, {tables} table{'' if tables == 1 else 's'}, {size}, whole"
    if known is None:
        yield (
            "note",
            "it has no manifest: the file is readable to its end, but nothing proves that it is the original dump",
        )
    if planned.needs_name:
        yield "note", f"{origin(planned)}; you will have to type the database name"
    yield "now", _now(planned)
    for service, why in _reasons(planned).items():
        yield "stops", f"{service}: {why}"
    for each in planned.unsure:
        yield "unsure", f"{each.service} keeps running, although it may use the database: {each.why}"


_ORIGINS = {
    Relation.SAME: "the backup is of this very database",
    Relation.RECREATED: "the backup is from before this server was recreated",
    Relation.UNPROVED: "migops cannot tell whether the backup is of this server",
    Relation.FOREIGN: "the backup is of another database",
    Relation.UNIDENTIFIED: "the backup does not record its server",
}


def origin(planned: Restore) -> str:
    """How the database that the backup was taken from relates to the one here, in words."""
    compared = planned.origin
    words = _ORIGINS[compared.relation]
    if compared.relation is Relation.UNIDENTIFIED or not compared.why:
        known = planned.manifest
        return f"{words} (it was made by migops {known.migops})" if known and compared.why else words
    return f"{words} ({'; '.join(compared.why)})"


def _reasons(planned: Restore) -> dict[str, str]:
    """Why each service stops."""
    return {each.service: each.why for each in planned.stopping}


def _now(planned: Restore) -> str:
    if planned.properties is None:
        return f"there is no database {planned.database}"
    if isinstance(planned.state, DatabaseState):
        rows = ", ".join(planned.state.rows) or "none"
        return f"revision {rows}; data written after the backup is not in it"
    return f"could not read it: {planned.state.reason}"


def steps(planned: Restore) -> list[str]:
    """What will be done, in order."""
    services = ", ".join(planned.services)
    names = ", ".join(each.name for each in planned.stopping)
    found = [f"create the database {planned.new}, restore the backup into it, check its tables and revision"]
    if services:
        found.append(f"stop {services} ({names})")
    if planned.properties is None:
        found.append(f"{planned.new} becomes {planned.database}")
    else:
        others = f", among them {', '.join(planned.external_sessions)}" if planned.external_sessions else ""
        found += [
            f"end all sessions of {planned.database}{others}",
            f"at once: {planned.database} becomes {planned.old}, which is kept, and {planned.new} becomes "
            f"{planned.database}, with its current owner, privileges and settings",
        ]
    return [*found, f"start {services} again"] if services else found


def done(planned: Restore, swapped: Swapped, view: View) -> str:
    """What was done, and the ways from here."""
    out = StringIO()
    console = console_for(view, out)
    known = planned.manifest
    taken = f" of {known.taken_at:%Y-%m-%d %H:%M} UTC" if known else ""
    revisions = ", ".join(planned.verified.revisions) or "none"
    said = f": {planned.database} is the backup{taken}, revision {revisions}"
    name = Text(printable(planned.source.service), "bold")
    console.print(Text.assemble(("RESTORED", "bold green"), "  ", name, printable(said)))
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
    hang(console, Text("  kept     "), Text(f"the old database: {printable(planned.old)}"), 11)
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
