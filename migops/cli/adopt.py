"""``migops adopt``: find the revision whose schema a database has, prove it, and stamp the database."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
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
from migops.core.errors import Aborted, ExitCode, MigopsError


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
@output_options("text", "json")
def adopt(service: str | None, **given: Any) -> int:
    """Find the revision whose schema the database of SERVICE has, and stamp the database with it.

    For a database that has tables but no recorded Alembic revision: the application created them (create_all), or a
    dump was restored. The migrations run on a throwaway server, which is created from the image of the database's own
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
        raise MigopsError("--revision and --baseline do not go together: without a migration there is no revision")
    if given["message"] and not given["baseline"]:
        raise MigopsError("--message needs --baseline: without it, no migration is generated")
    wanted_target = target.Wanted(
        service=service or "", config=given["config"], section=given["section"], command="adopt"
    )
    chosen_target = target.resolve(wanted_target, compose_options_of(given), os.environ, Path.cwd())
    wanted = Wanted(
        given["revision"], given["baseline"], given["message"] or "baseline", given["timeout"], given["dry_run"],
        strict=given["strict"],
    )  # fmt: skip
    as_json = given["format_"] == "json"
    render = adopt_json.render if as_json else adopt_text.render
    with connect(given["timeout"]) as engine, ExitStack() as held:
        folder = None if wanted.dry_run else state_folder.folder(engine, chosen_target.project)
        if folder is not None:
            held.enter_context(host_lock(folder, "migops adopt"))
        outcome, live = find(chosen_target, engine, wanted, say)
        match = outcome.match
        can_stamp = match is not None and match.verdict is Verdict.EQUAL and bool(match.chosen.heads)
        if live is None or folder is None or not can_stamp:
            show(lambda view: render(outcome, view), given)
            return int(ExitCode.CLEAN if can_stamp or live is None else ExitCode.FINDINGS)
        if not as_json:
            show(lambda view: render(outcome, view), given)
        if not given["yes"]:
            confirm(" ".join(match.chosen.heads) if match else "")
        with engine_lock(
            engine, folder, chosen_target.project, "migops adopt", chosen_target.commands.unlock()
        ) as lock:
            at_work.refuse_of_others(lock, folder, chosen_target, outcome.inputs.reached, given["timeout"])
            done = stamp(outcome, live, engine, folder, given["timeout"])
    show(lambda view: render(replace(outcome, stamped=done.heads), view), given)
    return 128 + done.signal if done.signal else int(ExitCode.CLEAN)


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
