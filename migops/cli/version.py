"""``migops version``: the version of migops, and of everything that it works with."""

from __future__ import annotations

from typing import Any

import click

from migops.cli.options import format_option, option
from migops.core.errors import ExitCode


@click.command("version")
@option("--all", "everything", is_flag=True, help="Also Docker, compose, buildx, git, Python, packages and folders.")
@option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    help="Seconds that each part may take to answer.",
)
@format_option("version")
def version(everything: bool, **given: Any) -> int:
    """Print the version of migops; with --all everything that a report of a problem should name.

    Each part is asked with a deadline of its own, and what is not found or does not answer is listed as such.

    \b
    migops version --all
    migops version --all --format json

    \b
    Exit codes: 0, also if a part is not found or does not answer
    """
    from migops.cli.output import show
    from migops.commands import versions

    show("version", versions.everything(given["timeout"]) if everything else versions.own(), given)
    return int(ExitCode.CLEAN)
