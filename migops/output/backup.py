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

from migops.commands.backup.manifest import Manifest
from migops.commands.backup.store import Backup
from migops.commands.backup.take import Pruned
from migops.core.terminal import printable
from migops.output.text import console_for, hang, shell, trimmed
from migops.output.view import View

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def taken(backup: Backup, pruned: Pruned, restore: Sequence[str], view: View) -> str:
    """A backup that was just taken: where it is, what it holds, how it is restored, which older ones were removed."""
    out = StringIO()
    console = console_for(view, out)
    manifest = backup.manifest
    assert manifest is not None  # noqa: S101 - none is taken without
    name = Text(printable(manifest.service), "bold")
    console.print(
        Text.assemble(("BACKED UP", "bold green"), "  ", name, f": {amount(manifest.size)}, read back completely")
    )
    if view.quiet:
        return trimmed(out)
    console.print(Text(f"  {backup.path}", "bold"), soft_wrap=True)
    console.print()
    tables = "table" if manifest.tables == 1 else "tables"
    facts = {
        "database": f"{manifest.url}, {amount(manifest.database_size)} on its disk, {manifest.tables} {tables}",
        "server": f"PostgreSQL {manifest.server}{_at(manifest)}",
        "revision": revision(backup),
        "sha256": manifest.sha256,
        **_retention(manifest, pruned),
    }
    for key, value in facts.items():
        hang(console, Text(f"  {key:<10}"), Text(printable(value)), 12)
    console.print()
    console.print(Text.assemble(("restore  ", "bold green"), (shell(restore), "bold")), soft_wrap=True)
    return trimmed(out)


def _at(manifest: Manifest) -> str:
    return f", {manifest.identity.place}" if manifest.identity else ""


def _retention(manifest: Manifest, pruned: Pruned) -> dict[str, str]:
    """What became of older backups of the name."""
    removed = {"removed": ", ".join(each.path.name for each in pruned.removed)} if pruned.removed else {}
    if pruned.unknown:
        return {**removed, "kept": f"every backup: migops cannot identify this server ({pruned.unknown})"}
    if not pruned.spared:
        return removed
    backups = f"{pruned.spared} other {'backup' if pruned.spared == 1 else 'backups'} of a {manifest.database}"
    return {**removed, "kept": f"{backups}: of another or an unknown server; --keep never deletes those"}


def listed(where: Path, found: Sequence[Backup], view: View) -> str:
    """All backups of a project, the newest first."""
    out = StringIO()
    console = console_for(view, out)
    console.print(Text(f"{len(found) or 'no'} backup{'' if len(found) == 1 else 's'} in {where}"), soft_wrap=True)
    if not found or view.quiet:
        return trimmed(out)
    console.print()
    owners = {each.path: owner(each, found) for each in found}
    names = max(len(printable(each.path.name)) for each in found)
    servers = max(len(printable(each)) for each in ("server", *owners.values()))
    head = f"  {'file':<{names}}  {'taken (UTC)':<16}  {'size':>9}  {'server':<{servers}}  revision"
    console.print(Text(head, "dim"), soft_wrap=True)
    for each in found:
        _row(console, each, names, f"{printable(owners[each.path]):<{servers}}")
    return trimmed(out)


def owner(backup: Backup, among: Sequence[Backup]) -> str:
    """Whose a backup is, in words by which it differs from the others in the list."""
    if backup.manifest is None:
        return "unknown"
    known = backup.manifest.identity
    if known is None:
        return f"unknown (migops {backup.manifest.migops})"
    others = [each.manifest.identity for each in among if each.manifest and each.manifest.identity]
    alike = [each for each in others if each.place == known.place and each.database == known.database]
    words = known.place
    if len({each.system for each in alike}) > 1:
        words += f", system {known.system or 'unknown'}"
    if len({(each.project, each.engine) for each in alike}) > 1:
        words += f", project {known.project} on {known.engine[:12]}"
    return words


def _row(console: Console, each: Backup, width: int, server: str) -> None:
    name = printable(each.path.name)
    taken_at = f"{each.manifest.taken_at:%Y-%m-%d %H:%M}" if each.manifest else "?"
    size = amount(each.path.stat().st_size)
    line = f"  {name:<{width}}  {taken_at:<16}  {size:>9}  {server}  {printable(revision(each))}"
    console.print(Text(line), soft_wrap=True)
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


def as_json(backup: Backup | None, pruned: Pruned) -> str:
    """The document of ``migops backup``."""
    document = {
        "schema": 1,
        "command": "backup",
        "backup": record(backup) if backup else None,
        "removed": [str(each.path) for each in pruned.removed],
        "not_counted": pruned.spared,
        "not_counted_because": pruned.unknown,
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
