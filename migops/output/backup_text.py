"""A new backup and the list of backups, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from migops.commands.backup.manifest import Manifest
from migops.commands.backup.result import BackupList, BackupResult
from migops.commands.backup.store import Backup
from migops.commands.backup.take import Pruned
from migops.core.terminal import printable, shell_line
from migops.core.text import counted, plural
from migops.output.console import console_for, hang, trimmed

if TYPE_CHECKING:
    from migops.output import View

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def render(result: BackupResult, view: View) -> str:
    """A new backup: its file, contents, the command that restores it, and the older backups that were deleted."""
    backup = result.backup
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
    tables = counted(manifest.tables, "table")
    facts = {
        "database": f"{manifest.url}, {amount(manifest.database_size)} on its disk, {tables}",
        "server": f"PostgreSQL {manifest.server}{_at(manifest)}",
        "revision": revision(backup),
        "sha256": manifest.sha256,
        **_retention(manifest, result.pruned),
    }
    for key, value in facts.items():
        hang(console, Text(f"  {key:<10}"), Text(printable(value)), 12)
    console.print()
    console.print(Text.assemble(("restore  ", "bold green"), (shell_line(result.restore), "bold")), soft_wrap=True)
    return trimmed(out)


def _at(manifest: Manifest) -> str:
    return f", {manifest.identity.place}" if manifest.identity else ""


def _retention(manifest: Manifest, pruned: Pruned) -> dict[str, str]:
    """The result of retention for older backups of the same name."""
    removed = {"removed": ", ".join(each.path.name for each in pruned.removed)} if pruned.removed else {}
    if pruned.unknown:
        return {
            **removed,
            "kept": f"every backup: migops cannot identify this server ({pruned.unknown})",
        }
    if not pruned.spared:
        return removed
    backups = f"{counted(pruned.spared, 'other backup')} of a {manifest.database}"
    return {**removed, "kept": f"{backups}: of another or an unknown server; --keep never deletes those"}


def listing(result: BackupList, view: View) -> str:
    """All backups of a project, newest first; without an engine, those of every engine, by folder."""
    out = StringIO()
    console = console_for(view, out)
    if result.unread:
        hang(console, Text("Docker", "bold"), Text(printable(f"not asked: {result.unread}"), "yellow"), 10)
        hang(console, Text(""), Text(printable(result.hint)), 10)
        console.print()
    if not result.folders:
        _of_folder(console, result.folder, result.backups, quiet=view.quiet)
    for place, folder in enumerate(result.folders):
        if place:
            console.print()
        backups = tuple(backup for backup in result.backups if backup.path.parent == folder)
        _of_folder(console, folder, backups, quiet=view.quiet)
    return trimmed(out)


def _of_folder(console: Console, folder: Path, backups: Sequence[Backup], *, quiet: bool) -> None:
    count = f"{len(backups) or 'no'} {plural(len(backups), 'backup')}"
    console.print(Text(f"{count} in {folder}"), soft_wrap=True)
    if not backups or quiet:
        return
    console.print()
    owners = {backup.path: owner(backup, backups) for backup in backups}
    names = max(len(printable(backup.path.name)) for backup in backups)
    servers = max(len(printable(server)) for server in ("server", *owners.values()))
    head = f"  {'file':<{names}}  {'taken (UTC)':<16}  {'size':>9}  {'server':<{servers}}  revision"
    console.print(Text(head, "dim"), soft_wrap=True)
    for backup in backups:
        _row(console, backup, names, f"{printable(owners[backup.path]):<{servers}}")


def owner(backup: Backup, among: Sequence[Backup]) -> str:
    """A backup's server, in words that distinguish it from the others in the list."""
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


def _row(console: Console, backup: Backup, width: int, server: str) -> None:
    name = printable(backup.path.name)
    taken_at = f"{backup.manifest.taken_at:%Y-%m-%d %H:%M}" if backup.manifest else "?"
    size = amount(backup.path.stat().st_size)
    line = f"  {name:<{width}}  {taken_at:<16}  {size:>9}  {server}  {printable(revision(backup))}"
    console.print(Text(line), soft_wrap=True)
    if backup.problem:
        console.print(Padding(Text(f"not verified: {printable(backup.problem)}", "yellow"), (0, 0, 0, 4)))


def revision(backup: Backup) -> str:
    """The rows of a backup's version table, for a sentence."""
    manifest = backup.manifest
    if manifest is None:
        return "?"
    if not manifest.version_table:
        return "none: there was no version table"
    return ", ".join(manifest.revisions) or f"none: {manifest.version_table} was empty"


def amount(size: int) -> str:
    """A readable number of bytes: ``24.1 kB``."""
    value = float(size)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return ""
