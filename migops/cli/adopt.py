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
from migops.cli.questions import say
from migops.core.errors import Aborted, MigopsError


@click.command("adopt")
@click.argument("service", required=False, envvar="MIGOPS_SERVICE")
@option("--revision", metavar="REV", default="", help="Compare the database only with this revision (or `head`).")
@option("--baseline", is_flag=True, help="For a project without migrations: write the first one from the models.")
@option("-m", "--message", metavar="TEXT", default="", help="Message of the baseline revision (default: baseline).")
@option("--strict", is_flag=True, help="Also compare comments, owners, grants, storage, statistics, publications, …")
@option("--dry-run", is_flag=True, help="Only show the result; stamp nothing and write no file.")
@option("--yes", is_flag=True, help="Do not ask for confirmation (for scripts).")
@configuration_options
@timeout_option
@compose_options
@output_options("adopt")
def adopt(service: str | None, **given: Any) -> int:
    """Find the revision that matches the schema of SERVICE's database, and stamp the database with it.

    For a database that has tables but no recorded Alembic revision: the application created them (create_all), or a
    dump was restored. migops runs the migrations on a disposable server, made from the image of the database's own
    container and alone on an internal network, and compares the schema after each revision with the database, which is
    only read. If exactly one revision matches, migops shows the proof, asks, and stamps that revision with Alembic.

    \b
    migops adopt --dry-run
    migops adopt --yes app
    migops adopt --revision 3f1c0a7be210        if several revisions have the same schema
    migops adopt --baseline                     if there is no migration yet

    \b
    Exit codes: 0 stamped (or already was, or --dry-run found a match), 1 no revision
    matches, or several do, 2 bad input, 3 could not be determined, 4 locked by
    another run, 5 not confirmed, 6 not stamped, 7 check the database's state
    """
    from migops import target
    from migops.cli.output import show
    from migops.commands.adopt.find import Wanted
    from migops.commands.adopt.outcome import Outcome
    from migops.commands.adopt.run import Dialogue, run
    from migops.docker import connect
    from migops.output import is_document

    if given["baseline"] and given["revision"]:
        raise MigopsError("--revision and --baseline cannot be combined: a baseline is for a project without revisions")
    if given["message"] and not given["baseline"]:
        raise MigopsError("--message needs --baseline: otherwise no migration is written")
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
            "not a terminal, so I cannot ask; nothing was changed", hint="add --yes to confirm, or use --dry-run"
        )
    if not click.confirm(f"Stamp the database with {heads}?", err=True):
        raise Aborted("nothing was changed")
