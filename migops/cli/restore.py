"""``migops restore``: replace the database by a backup. The previous database is kept."""

from __future__ import annotations

import os
import shlex
import sys
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
from migops.cli.questions import agreed, typed
from migops.core.errors import Aborted, ExitCode, ManualActionRequired

if TYPE_CHECKING:
    from migops.commands.backup.restore_plan import Restore
    from migops.commands.backup.result import RestoreResult


@click.command("restore")
@click.argument("file", metavar="FILE")
@click.argument("service", required=False, envvar="MIGOPS_SERVICE")
@option(
    "--yes", is_flag=True, help="Do not ask for confirmation (for scripts). If the name must be typed, use --confirm."
)
@click.option("--foreign", is_flag=True, help="Allow a backup of another server, project or volume.")
@click.option("--confirm", metavar="NAME", default="", help="The database name, if it must be typed (for scripts).")
@option("--dry-run", is_flag=True, help="Check the file and show the plan; change nothing.")
@configuration_options
@timeout_option
@compose_options
@output_options("restore")
def restore(file: str, service: str | None, **given: Any) -> int:
    """Replace SERVICE's database with the backup FILE (a path, or a name from `migops backup --list`).

    FILE is first restored into a new database and checked there, while the services keep running. After confirmation,
    the services that use the database stop, the two databases swap names, and the services start. The old database is
    kept, and the commands to switch back are printed.

    A backup of another server or project needs --foreign. For such a backup, for one from before the server was
    recreated (only its system identifier differs), and for one without a recorded origin (migops 0.1.0), you must type
    the database name; --yes is not enough. In scripts, use --confirm NAME. --foreign and --confirm have no MIGOPS_
    variable.

    \b
    Exit codes: 0 restored, 2 bad input, 3 cannot reach the server, 4 locked by
    another run, 5 nothing changed, 6 failed, rolled back, 7 manual action needed
    (commands printed)
    """
    from migops import target
    from migops.cli.output import preview, show
    from migops.commands.backup.result import RestoreResult
    from migops.commands.restore import Dialogue, Wanted, dry_run, run
    from migops.docker import connect

    if not (given["yes"] or given["dry_run"] or (sys.stdin is not None and sys.stdin.isatty())):
        raise Aborted(
            "not a terminal, so I cannot ask; nothing was changed", hint="add --yes to confirm, or use --dry-run"
        )
    sought = target.Wanted(service=service or "", config=given["config"], section=given["section"], command="restore")
    resolved = target.resolve(sought, compose_options_of(given), os.environ, Path.cwd())
    wanted = Wanted(file, given["foreign"], given["timeout"])

    def review(planned: Restore) -> None:
        click.echo(preview("restore --dry-run", RestoreResult(planned), given), err=True, nl=False)
        _see_the_name(planned, given["confirm"])

    with connect(given["timeout"]) as engine:
        if given["dry_run"]:
            show("restore --dry-run", dry_run(resolved, engine, wanted), given)
            return int(ExitCode.CLEAN)
        result = run(resolved, engine, wanted, Dialogue(review, lambda planned: given["yes"] or _confirmed(planned)))
    show("restore", result, given)
    return _exit_code(result)


def _exit_code(result: RestoreResult) -> int:
    """The exit code of a restore. Raises ``ManualActionRequired`` if containers did not start again."""
    swapped = result.swapped
    if swapped is not None and swapped.down:
        names = [container.name for container in swapped.down]
        raise ManualActionRequired(
            f"{result.plan.database} was restored, but {', '.join(names)} did not start with it",
            commands=[("docker", "logs", "--tail", "50", names[0]), ("docker", "start", *names)],
        )
    return 128 + swapped.signals[0] if swapped is not None and swapped.signals else int(ExitCode.CLEAN)


def _see_the_name(planned: Restore, given: str) -> None:
    """Check that the database's name was typed, if it must be: ``given`` in advance, or now. ``Aborted`` if not."""
    from migops.commands.backup.restore_words import origin

    name = given
    if not given and not planned.needs_name:
        return
    if not given:
        if sys.stdin is None or not sys.stdin.isatty():
            raise Aborted(
                f"nothing was changed: {origin(planned)}, so you must type the database name, and this is "
                "not a terminal",
                hint=f"if this is the right backup: --confirm {shlex.quote(planned.database)} (--yes is not enough)",
            )
        name = typed("Type the name of the database to replace")
    if name != planned.database:
        raise Aborted(f"nothing was changed: {name!r} is not the database's name, {planned.database!r}")


def _confirmed(planned: Restore) -> bool:
    tables = len(planned.verified.contents.tables)
    click.echo(f"restored into {planned.new} and checked: {tables} tables", err=True)
    action = f"Stop {', '.join(planned.services)} and replace" if planned.services else "Replace"
    return agreed(f"{action} {planned.database} now?")
