"""``migops adopt``: find the revision whose schema a database has, prove it, and note it."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from migops.cli.options import compose_options, compose_options_of, option, output_options, timeout_option
from migops.core.errors import Aborted, ExitCode, MigopsError


@click.command("adopt")
@click.argument("service", required=False)
@option("--revision", metavar="REV", default="", help="Hold the database against this revision alone (or `head`).")
@option("--baseline", is_flag=True, help="There is no migration yet: write the first one, from the models.")
@option("-m", "--message", metavar="TEXT", default="", help="Message of the baseline (default: baseline).")
@option("--strict", is_flag=True, help="Compare also comments, owners, grants, storage, statistics, publications, …")
@option("--dry-run", is_flag=True, help="Only find and show it. Nothing is noted and no file is written.")
@option("--yes", is_flag=True, help="Ask nothing, for scripts.")
@option("--config", metavar="FILE", default="", help="Alembic's configuration on the host (default: found).")
@option("--name", "section", metavar="SECTION", default="", help="Section of it (default: alembic).")
@timeout_option
@compose_options
@output_options("text", "json")
def adopt(service: str | None, **given: Any) -> int:
    """Find the revision whose schema the database of SERVICE has, and note it in the version table.

    For a database with tables and no revision: the application made them (create_all), or a dump was restored. The
    migrations are run on a throwaway server, made from the image that the database's own container runs and alone on
    an internal network; what each of them makes is compared with the database, which is only read. Where one revision
    is equal, the proof is shown, and after a yes Alembic notes that revision.

    \b
    migops adopt --dry-run
    migops adopt --yes app
    migops adopt --revision 3f1c0a7be210        where several revisions have the same schema
    migops adopt --baseline                     where there is no migration yet

    \b
    Exit codes: 0 noted (or there already, or --dry-run found it), 1 no revision is equal or
    several are, 2 bad input, 3 it could not be found out, 4 locked by another run, 5 not
    confirmed, 6 not noted, 7 look where it stands
    """
    from dataclasses import replace

    from migops import target
    from migops.cli.output import show
    from migops.commands.adopt.find import Wanted, find
    from migops.commands.adopt.match import Verdict
    from migops.commands.adopt.stamp import stamp
    from migops.docker import connect
    from migops.output import adopt_json, adopt_text
    from migops.runner import past_runs
    from migops.state import state_folder
    from migops.state.engine_lock import engine_lock
    from migops.state.lock import host_lock

    if given["baseline"] and given["revision"]:
        raise MigopsError("--revision and --baseline do not go together: there is no revision yet")
    if given["message"] and not given["baseline"]:
        raise MigopsError("--message needs --baseline: without it, no migration is written")
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
            confirm()
        with engine_lock(engine, folder, found.project, "migops adopt", found.commands.unlock()) as lock:
            past_runs.refuse_of_others(lock, folder, found, outcome.inputs.reached, given["timeout"])
            done = stamp(outcome, live, engine, folder, given["timeout"])
    show(lambda view: render(replace(outcome, stamped=done.heads), view), given)
    return 128 + done.signal if done.signal else int(ExitCode.CLEAN)


def confirm() -> None:
    """Ask whether to go on. Raises ``Aborted`` for a no, and where nobody can be asked."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        raise Aborted("nobody can be asked here, so nothing was changed", hint="--yes answers for you; or --dry-run")
    if not click.confirm("Note it?", err=True):
        raise Aborted("nothing was changed")


def say(line: str) -> None:
    """A line of ours on standard error."""
    from migops.core.terminal import printable

    click.echo(f"migops: {printable(line)}", err=True)
