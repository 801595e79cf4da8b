"""``migops adopt``: find the revision that matches a database's schema, prove it, and stamp it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from migops.cli.options import compose_options, compose_options_of, option, output_options, timeout_option
from migops.core.errors import Aborted, ExitCode, MigopsError


@click.command("adopt")
@click.argument("service", required=False)
@option("--revision", metavar="REV", default="", help="Compare the database only with this revision (or `head`).")
@option("--baseline", is_flag=True, help="For a project without migrations: write the first one from the models.")
@option("-m", "--message", metavar="TEXT", default="", help="Message of the baseline revision (default: baseline).")
@option("--strict", is_flag=True, help="Also compare comments, owners, grants, storage, statistics, publications, …")
@option("--dry-run", is_flag=True, help="Only show the result; stamp nothing and write no file.")
@option("--yes", is_flag=True, help="Do not ask for confirmation (for scripts).")
@option(
    "--config", metavar="FILE", default="", help="Alembic's configuration file on the host (default: auto-detected)."
)
@option(
    "--name", "section", metavar="SECTION", default="", help="Section of the configuration file (default: alembic)."
)
@timeout_option
@compose_options
@output_options("text", "json")
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
    from dataclasses import replace

    from migops import target
    from migops.cli.output import show
    from migops.commands.adopt.find import Wanted, find
    from migops.commands.adopt.match import Verdict
    from migops.commands.adopt.stamp import stamp
    from migops.commands.deploy import at_work
    from migops.docker import connect
    from migops.output import adopt_json, adopt_text
    from migops.state import state_folder
    from migops.state.engine_lock import engine_lock
    from migops.state.lock import host_lock

    if given["baseline"] and given["revision"]:
        raise MigopsError("--revision and --baseline cannot be combined: a baseline is for a project without revisions")
    if given["message"] and not given["baseline"]:
        raise MigopsError("--message needs --baseline: otherwise no migration is written")
    sought = target.Wanted(service=service or "", config=given["config"], section=given["section"], command="adopt")
    found = target.resolve(sought, compose_options_of(given), os.environ, Path.cwd())
    wanted = Wanted(
        given["revision"], given["baseline"], given["message"] or "baseline", given["timeout"], given["dry_run"],
        strict=given["strict"],
    )  # fmt: skip
    as_json = given["format_"] == "json"
    render = adopt_json.render if as_json else adopt_text.render
    with connect(given["timeout"]) as engine, ExitStack() as held:
        folder = None if wanted.dry_run else state_folder.folder(engine, found.project)
        if folder is not None:
            held.enter_context(host_lock(folder, "migops adopt"))
        outcome, live = find(found, engine, wanted, say)
        chosen = outcome.match
        may = chosen is not None and chosen.verdict is Verdict.EQUAL and bool(chosen.chosen.heads)
        if live is None or folder is None or not may:
            show(lambda view: render(outcome, view), given)
            return int(ExitCode.CLEAN if may or live is None else ExitCode.FINDINGS)
        if not as_json:
            show(lambda view: render(outcome, view), given)
        if not given["yes"]:
            confirm(outcome.match.chosen.heads if outcome.match else ())
        with engine_lock(engine, folder, found.project, "migops adopt", found.commands.unlock()) as lock:
            at_work.refuse_of_others(lock, folder, found, outcome.inputs.reached, given["timeout"])
            done = stamp(outcome, live, engine, folder, given["timeout"])
    show(lambda view: render(replace(outcome, stamped=done.heads), view), given)
    return 128 + done.signal if done.signal else int(ExitCode.CLEAN)


def confirm(heads: Sequence[str]) -> None:
    """Ask for confirmation. Raises ``Aborted`` for a no, and if there is no terminal."""
    from migops.analysis.database_position import listed

    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        raise Aborted(
            "not a terminal, so I cannot ask; nothing was changed", hint="add --yes to confirm, or use --dry-run"
        )
    if not click.confirm(f"Stamp the database with {listed(heads)}?", err=True):
        raise Aborted("nothing was changed")


def say(line: str) -> None:
    """A line of ours on standard error."""
    from migops.core.terminal import printable

    click.echo(f"migops: {printable(line)}", err=True)
