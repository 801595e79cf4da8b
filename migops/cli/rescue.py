"""``migops rescue``: copy revisions that exist only in a container out to the host."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from migops.cli.options import (
    compose_options,
    compose_options_of,
    configuration_options,
    format_option,
    host_dir_option,
    option,
    timeout_option,
)
from migops.core.errors import ExitCode, Unavailable


@click.command("rescue")
@click.argument("service", required=False, envvar="MIGOPS_SERVICE")
@configuration_options
@host_dir_option
@option("--all", "everything", is_flag=True, help="Also copy scripts that git has: deleted, or on another branch.")
@option("--dry-run", is_flag=True, help="Only show what would be copied.")
@timeout_option
@compose_options
@format_option("rescue")
def rescue(service: str | None, **given: Any) -> int:
    """Copy migration scripts that exist only in a container of SERVICE to the host's versions folder.

    The copies belong to the folder's owner. Nothing on the host is overwritten, and nothing in the container changes.
    Scripts that git has (deleted on purpose, or upstream) are listed but not copied. If no container can be read, the
    scripts that earlier runs have put into the state folder are listed, and the exit code is 3.
    """
    from migops import collect, target
    from migops.cli.output import show
    from migops.commands import rescue as action
    from migops.docker import connect

    wanted = target.Wanted(
        service=service or "",
        config=given["config"],
        section=given["section"],
        host_dir=given["host_dir"],
        command="rescue",
    )
    resolved = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    with ExitStack() as stack:
        evidence = collect.check(resolved, lambda: stack.enter_context(connect(given["timeout"])))
    try:
        result = action.rescue(evidence, everything=given["everything"], dry_run=given["dry_run"])
    except Unavailable as error:
        result = action.on_disk(evidence, resolved.project, error)
    show("rescue", result, given)
    return int(ExitCode.NO_VERDICT if result.unread else ExitCode.CLEAN)
