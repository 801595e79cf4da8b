"""``migops rescue``: copy revisions that exist only in a container out to the host."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options, compose_options_of, format_option, option, timeout_option
from migops.core.errors import ExitCode

if TYPE_CHECKING:
    from migops.commands.rescue import Copy, Left


@click.command("rescue")
@click.argument("service", required=False)
@option(
    "--config", metavar="FILE", default="", help="Alembic's configuration file on the host (default: auto-detected)."
)
@option(
    "--name", "section", metavar="SECTION", default="", help="Section of the configuration file (default: alembic)."
)
@option(
    "--host-dir",
    metavar="DIR",
    default="",
    help="Host folder with Alembic's configuration (default: the build context).",
)
@option("--all", "everything", is_flag=True, help="Also copy scripts that git has: deleted, or on another branch.")
@option("--dry-run", is_flag=True, help="Only show what would be copied.")
@timeout_option
@compose_options
@format_option("text", "json")
def rescue(service: str | None, **given: Any) -> int:
    """Copy migration scripts that exist only in a container of SERVICE to the host's versions folder.

    The copies belong to the folder's owner. Nothing on the host is overwritten, and nothing in the container changes.
    Scripts that git has (deleted on purpose, or upstream) are listed but not copied.
    """
    from migops import collect, target
    from migops.cli.output import put
    from migops.commands import rescue as action
    from migops.docker import connect

    wanted = target.Wanted(
        service=service or "",
        config=given["config"],
        section=given["section"],
        host_dir=given["host_dir"],
        command="rescue",
    )
    found = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    with ExitStack() as stack:
        evidence = collect.check(found, lambda: stack.enter_context(connect(given["timeout"])))
    copies, left = action.plan(evidence, everything=given["everything"])
    if not given["dry_run"]:
        for copy in copies:
            action.write(copy)
    render = _json if given["format_"] == "json" else _text
    put(render(copies, left, given["dry_run"]))
    return int(ExitCode.CLEAN)


def _text(copies: Sequence[Copy], left: Sequence[Left], dry_run: bool) -> str:
    from migops.core.terminal import printable

    here = f"{Path.cwd()}/"
    verb = "would copy" if dry_run else "copied"
    lines = []
    for copy in copies:
        label = f"{copy.revision}: " if copy.revision else ""
        to = str(copy.to).removeprefix(here)
        lines.append(printable(f"{verb} {label}{copy.script.path} of {copy.container} to {to}"))
        if copy.why:
            lines.append(printable(f"  note: {copy.why}"))
    lines += [printable(f"not copied: {each.name} of {each.container}: {each.why}") for each in left]
    if not copies:
        lines.append("nothing to rescue: every revision in the containers is elsewhere too")
    elif not dry_run:
        lines.append("check the copies, commit them, and rebuild the image")
    return "\n".join(lines) + "\n"


def _json(copies: Sequence[Copy], left: Sequence[Left], dry_run: bool) -> str:
    document = {
        "schema": 1,
        "command": "rescue",
        "dry_run": dry_run,
        "copied": [
            {
                "revision": copy.revision,
                "container": copy.container,
                "from": copy.script.path,
                "to": str(copy.to),
                "sha256": copy.script.sha256,
                "note": copy.why,
            }
            for copy in copies
        ],
        "left": [
            {"revision": each.revision, "path": each.name, "container": each.container, "reason": each.why}
            for each in left
        ],
    }
    return json.dumps(document, indent=2) + "\n"
