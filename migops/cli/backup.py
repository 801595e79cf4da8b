"""``migops backup``: take a verified dump of the application's database, or list those that there are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from migops.cli.options import compose_options, compose_options_of, option, output_options, timeout_option
from migops.core.errors import ExitCode, MigopsError


@click.command("backup")
@click.argument("service", required=False)
@option("--list", "list_", is_flag=True, help="Only list the backups, newest first.")
@option(
    "--keep",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Keep the N newest backups of this database on this server; delete older ones. Others are never deleted.",
)
@option(
    "--keep-days",
    type=click.FloatRange(min=0),
    metavar="D",
    help="Delete backups older than D days; the newest is always kept.",
)
@option(
    "--room",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="Required free space, as a multiple of the database's size (0: do not check).",
)
@option(
    "--config", metavar="FILE", default="", help="Alembic's configuration file on the host (default: auto-detected)."
)
@option(
    "--name", "section", metavar="SECTION", default="", help="Section of the configuration file (default: alembic)."
)
@timeout_option
@compose_options
@output_options("text", "json")
def backup(service: str | None, **given: Any) -> int:
    """Dump the PostgreSQL database of SERVICE, read the dump back, and keep it with a manifest.

    The server's own container makes the dump (for an external server, set x-migops: {backup-image: postgres:15}). The
    dump goes to the state folder, readable only by you, and is kept only if every byte of it could be read back.
    Old backups of the same database on the same server are deleted (--keep). Backups of another server, and those
    without a recorded server (made by migops 0.1.0), are never deleted.

    \b
    migops backup                     the database of the only service with migrations
    migops backup app --keep 30
    migops backup --list

    \b
    Exit codes: 0 taken, 2 bad input, 3 cannot reach Docker or the database,
    4 locked by another run, 5 no backup taken
    """
    from migops import target
    from migops.cli.output import show
    from migops.commands import backup as action
    from migops.docker import connect
    from migops.output import backup as output
    from migops.state import journal, state_folder
    from migops.state.lock import host_lock

    if given["list_"]:
        _refuse_what_a_list_ignores()
    wanted = target.Wanted(service=service or "", config=given["config"], section=given["section"], command="backup")
    found = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    as_json = given["format_"] == "json"
    with connect(given["timeout"]) as engine:
        if given["list_"]:
            where = state_folder.path(engine, found.project) / action.FOLDER
            there = action.backups(where)
            show(
                lambda view: output.list_as_json(where, there) if as_json else output.listed(where, there, view), given
            )
            return int(ExitCode.CLEAN)
        source = action.find(action.question(found, engine, given["timeout"]), engine)
        folder = state_folder.folder(engine, found.project)
        with host_lock(folder, "migops backup"), journal.begin(folder, "backup", [found.service]) as log:
            policy = action.Policy(given["room"], given["keep"], given["keep_days"], given["timeout"])
            planned = action.plan(engine, source, folder, policy)
            log.note("backup", "started", database=planned.facts.database)
            made = action.take(engine, planned)
            log.noted("backup", "done", path=str(made.path), sha256=made.manifest.sha256 if made.manifest else "")
            pruned = action.prune(planned)
            log.noted("retention", "done", removed=[str(each.path) for each in pruned.removed])
    restore = found.commands.migops("restore", made.path.name)
    show(lambda view: output.as_json(made, pruned) if as_json else output.taken(made, pruned, restore, view), given)
    return int(ExitCode.CLEAN)


def _refuse_what_a_list_ignores() -> None:
    source = click.get_current_context().get_parameter_source
    for key, name in (("keep", "--keep"), ("keep_days", "--keep-days"), ("room", "--room")):
        if source(key) is click.core.ParameterSource.COMMANDLINE:
            raise MigopsError(
                f"{name} and --list cannot be combined: --list does not delete anything", hint="omit one of the two"
            )
