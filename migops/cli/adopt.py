"""``migops adopt``: find the revision whose schema a database has, prove it, and stamp the database."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from migops.cli.options import (
    compose_options,
    compose_options_of,
    configuration_options,
    option,
    output_options,
    timeout_option,
)
from migops.core.errors import Aborted, MigopsError


@click.command("adopt")
@click.argument("service", required=False)
@option("--revision", metavar="REV", default="", help="Compare the database with this revision only (or `head`).")
@option("--baseline", is_flag=True, help="There is no migration yet: generate the first one from the models.")
@option("-m", "--message", metavar="TEXT", default="", help="Message of the baseline (default: baseline).")
@option("--strict", is_flag=True, help="Compare also comments, owners, grants, storage, statistics, publications, …")
@option("--dry-run", is_flag=True, help="Only find and show the revision; stamp nothing, write no file.")
@option("--yes", is_flag=True, help="Do not ask for confirmation (for scripts).")
@configuration_options
@timeout_option
@compose_options
@output_options("adopt")
def adopt(service: str | None, **given: Any) -> int:
    """Find the revision whose schema the database of SERVICE has, and stamp the database with it.

    For a database that has tables but no recorded Alembic revision: the application created them (create_all), or a
    dump was restored. The migrations run on a disposable server, which is created from the image of the database's own
    container and is alone on an internal network. The schema after each migration is compared with the database,
    which is only read. If one revision matches, the proof is shown, and after your confirmation Alembic stamps it.

    \b
    migops adopt --dry-run
    migops adopt --yes app
    migops adopt --revision 3f1c0a7be210        if several revisions have the same schema
    migops adopt --baseline                     if there is no migration yet

    \b
    Exit codes: 0 stamped (or already stamped, or found with --dry-run), 1 no revision
    matches, or several do, 2 bad input, 3 unknown, 4 locked by another run, 5 not confirmed,
    6 not stamped, 7 manual action needed
    """
    from migops import target
    from migops.cli.output import show
    from migops.commands.adopt.find import Wanted
    from migops.commands.adopt.outcome import Outcome
    from migops.commands.adopt.run import Dialogue, run
    from migops.docker import connect
    from migops.output import is_document

    if given["baseline"] and given["revision"]:
        raise MigopsError("--revision and --baseline do not go together: without a migration there is no revision")
    if given["message"] and not given["baseline"]:
        raise MigopsError("--message needs --baseline: without it, no migration is generated")
    sought = target.Wanted(service=service or "", config=given["config"], section=given["section"], command="adopt")
    resolved = target.resolve(sought, compose_options_of(given), os.environ, Path.cwd())
    wanted = Wanted(
        given["revision"], given["baseline"], given["message"] or "baseline", given["timeout"], given["dry_run"],
        strict=given["strict"],
    )  # fmt: skip

    def prove(outcome: Outcome) -> None:
        if not is_document(given["format_"]):  # of which there is one, at the end
            show("adopt", outcome, given)

    with connect(given["timeout"]) as engine:
        dialogue = Dialogue(say, prove, (lambda heads: None) if given["yes"] else confirm)
        outcome, code = run(resolved, engine, wanted, dialogue)
    show("adopt", outcome, given)
    return code


def confirm(heads: str) -> None:
    """Ask for confirmation. Raises ``Aborted`` for a no, and without a terminal."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        raise Aborted(
            "not a terminal, so migops cannot ask for confirmation; nothing was changed",
            hint="add --yes to confirm, or --dry-run",
        )
    if not click.confirm(f"Stamp the database with {heads}?", err=True):
        raise Aborted("nothing was changed")


def say(line: str) -> None:
    """Print a line of migops on standard error."""
    from migops.core.terminal import printable

    click.echo(f"migops: {printable(line)}", err=True)
