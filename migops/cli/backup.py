"""``migops backup``: take a verified dump of the application's database, or list the existing ones."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import (
    compose_options,
    compose_options_of,
    configuration_options,
    option,
    output_options,
    timeout_option,
)
from migops.core.errors import ExitCode, MigopsError, Unavailable

if TYPE_CHECKING:
    from migops.commands.backup.result import BackupList


@click.command("backup")
@click.argument("service", required=False, envvar="MIGOPS_SERVICE")
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
@configuration_options
@timeout_option
@compose_options
@output_options("backup")
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
    Exit codes: 0 taken or listed (--list needs no Docker), 2 bad input, 3 cannot reach Docker or the database,
    4 locked by another run, 5 no backup taken
    """
    from migops import target
    from migops.cli.output import show
    from migops.cli.resolving import project_of
    from migops.commands.backup.run import run
    from migops.commands.backup.take import Policy
    from migops.docker import connect

    wanted = target.Wanted(service=service or "", config=given["config"], section=given["section"], command="backup")
    if given["list_"]:
        _refuse_what_a_list_ignores()
        show("backup --list", _listing(project_of(wanted, compose_options_of(given)), given["timeout"]), given)
        return int(ExitCode.CLEAN)
    resolved = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    with connect(given["timeout"]) as engine:
        policy = Policy(given["room"], given["keep"], given["keep_days"], given["timeout"])
        result = run(resolved, engine, policy)
    show("backup", result, given)
    return int(ExitCode.CLEAN)


def _listing(project: str, timeout: float) -> BackupList:
    """The backups on the engine; if none answers, those of every engine."""
    from migops.cli.resolving import reached
    from migops.commands.backup.run import listing, listing_on_disk

    with ExitStack() as stack:
        engine = reached(stack, timeout)
        if isinstance(engine, MigopsError):
            return listing_on_disk(project, engine)
        try:
            return listing(project, engine)
        except Unavailable as error:  # it has gone, or answers no more
            return listing_on_disk(project, error)


def _refuse_what_a_list_ignores() -> None:
    source = click.get_current_context().get_parameter_source
    for key, name in (("keep", "--keep"), ("keep_days", "--keep-days"), ("room", "--room")):
        if source(key) is click.core.ParameterSource.COMMANDLINE:
            raise MigopsError(
                f"{name} and --list cannot be combined: --list does not delete anything", hint="omit one of the two"
            )
