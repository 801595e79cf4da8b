"""What a backup, and the list of them, look like: for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from migops.backup.store import Backup
from migops.formats.terminal import printable
from migops.formats.text import console_for, hang, shell, trimmed
from migops.formats.view import View

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def taken(backup: Backup, gone: Sequence[Backup], restore: Sequence[str], view: View) -> str:
    """A backup that was just taken: where it is, what it holds, how it is restored. ``gone`` had to make room."""
    out = StringIO()
    console = console_for(view, out)
    manifest = backup.manifest
    assert manifest is not None  # noqa: S101 - none is taken without
    name = Text(printable(manifest.service), "bold")
    console.print(
        Text.assemble(("BACKED UP", "bold green"), "  ", name, f": {amount(manifest.size)}, read back and found whole")
    )
    if view.quiet:
        return trimmed(out)
    console.print(Text(f"  {backup.path}", "bold"), soft_wrap=True)
    console.print()
    tables = "table" if manifest.tables == 1 else "tables"
    facts = {
        "database": f"{manifest.url}, {amount(manifest.database_size)} on its disk, {manifest.tables} {tables}",
        "server": f"PostgreSQL {manifest.server}",
        "revision": revision(backup),
        "sha256": manifest.sha256,
        **({"removed": ", ".join(each.path.name for each in gone)} if gone else {}),
    }
    for key, value in facts.items():
        hang(console, Text(f"  {key:<10}"), Text(printable(value)), 12)
    console.print()
    console.print(Text.assemble(("restore  ", "bold green"), (shell(restore), "bold")), soft_wrap=True)
    return trimmed(out)


def listed(where: Path, found: Sequence[Backup], view: View) -> str:
    """All backups of a project, the newest first."""
    out = StringIO()
    console = console_for(view, out)
    console.print(Text(f"{len(found) or 'no'} backup{'' if len(found) == 1 else 's'} in {where}"), soft_wrap=True)
    if not found or view.quiet:
        return trimmed(out)
    console.print()
    width = max(len(printable(each.path.name)) for each in found)
    console.print(Text(f"  {'file':<{width}}  {'taken (UTC)':<16}  {'size':>9}  revision", "dim"), soft_wrap=True)
    for each in found:
        _row(console, each, width)
    return trimmed(out)


def _row(console: Console, each: Backup, width: int) -> None:
    name = printable(each.path.name)
    taken_at = f"{each.manifest.taken_at:%Y-%m-%d %H:%M}" if each.manifest else "?"
    size = amount(each.path.stat().st_size)
    console.print(Text(f"  {name:<{width}}  {taken_at:<16}  {size:>9}  {printable(revision(each))}"), soft_wrap=True)
    if each.problem:
        console.print(Padding(Text(f"not verified: {printable(each.problem)}", "yellow"), (0, 0, 0, 4)))


def revision(backup: Backup) -> str:
    """The rows of its version table, in words."""
    manifest = backup.manifest
    if manifest is None:
        return "?"
    if not manifest.version_table:
        return "none: there was no version table"
    return ", ".join(manifest.revisions) or f"none: {manifest.version_table} was empty"


def amount(size: int) -> str:
    """Bytes as a person reads them: ``24.1 kB``."""
    value = float(size)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def as_json(backup: Backup | None, gone: Sequence[Backup]) -> str:
    """The document of ``migops backup``."""
    document = {
        "schema": 1,
        "command": "backup",
        "backup": record(backup) if backup else None,
        "removed": [str(each.path) for each in gone],
    }
    return json.dumps(document, indent=2) + "\n"


def list_as_json(where: Path, found: Sequence[Backup]) -> str:
    """The document of ``migops backup --list``."""
    document = {"schema": 1, "command": "backup", "folder": str(where), "backups": [record(each) for each in found]}
    return json.dumps(document, indent=2) + "\n"


def record(backup: Backup) -> dict[str, Any]:
    """One backup: its path, whether it counts, and its manifest (null where it has none)."""
    known = {**backup.manifest.record()} if backup.manifest else None
    if known:
        del known["schema"]
    return {"path": str(backup.path), "verified": not backup.problem, "problem": backup.problem, "manifest": known}
