"""``migops restore``: replace the database by a backup, and keep the database that was there."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options, compose_options_of, option, output_options, timeout_option
from migops.core.errors import Aborted, ExitCode, ManualActionRequired

if TYPE_CHECKING:
    from migops.commands.backup.restore_plan import Restore
    from migops.commands.backup.result import RestoreResult


@click.command("restore")
@click.argument("file", metavar="FILE")
@click.argument("service", required=False)
@option("--yes", is_flag=True, help="Do not ask, for scripts. A name that has to be typed: --confirm.")
@click.option("--foreign", is_flag=True, help="Allow a backup of another server, project or volume.")
@click.option("--confirm", metavar="NAME", default="", help="The database's name, where it has to be typed (scripts).")
@option("--dry-run", is_flag=True, help="Check the file and show the plan; touch nothing.")
@option("--config", metavar="FILE", default="", help="Alembic's configuration on the host (default: found).")
@option("--name", "section", metavar="SECTION", default="", help="Section of it (default: alembic).")
@timeout_option
@compose_options
@output_options("restore")
def restore(file: str, service: str | None, **given: Any) -> int:
    """Put the backup FILE (a path, or a name that `migops backup --list` shows) in the place of SERVICE's database.

    FILE is restored into a database of its own and checked there, while everything goes on. Then, after a yes, the
    services that use the database stop, the two databases change names, and the services start. The database that was
    there is kept, and the commands that lead back to it are printed.

    A backup of another server or project is refused without --foreign. For such a one, after the server was made again
    (only its system identifier differs), and for a backup that does not say where it comes from (migops 0.1.0), the
    database's name has to be typed; --yes does not answer that. Scripts: --confirm NAME. These two options have no
    MIGOPS_ variable.

    \b
    Exit codes: 0 restored, 2 bad input, 3 the server cannot be asked, 4 another run has the lock,
    5 nothing was changed, 6 everything is as it was, 7 you are needed, with the commands
    """
    from migops import target
    from migops.cli.output import preview, show
    from migops.commands.backup.result import RestoreResult
    from migops.commands.restore import Dialogue, Wanted, dry_run, run
    from migops.docker import connect

    if not (given["yes"] or given["dry_run"] or (sys.stdin is not None and sys.stdin.isatty())):
        raise Aborted("nobody can be asked here, so nothing was changed", hint="--yes answers for you; or --dry-run")
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
            f"{result.plan.database} was restored, but {', '.join(names)} did not come up again with it",
            commands=[("docker", "logs", "--tail", "50", names[0]), ("docker", "start", *names)],
        )
    return 128 + swapped.signals[0] if swapped is not None and swapped.signals else int(ExitCode.CLEAN)


def _see_the_name(planned: Restore, given: str) -> None:
    """Require the database's name if the plan needs it: ``given``, or typed now. ``Aborted`` if it differs."""
    from migops.commands.backup.restore_words import origin

    typed = given
    if not given and not planned.needs_name:
        return
    if not given:
        if sys.stdin is None or not sys.stdin.isatty():
            raise Aborted(
                f"nothing was changed: {origin(planned)}, and nobody can be asked here for the database's name",
                hint=f"if you mean this backup: --confirm {shlex.quote(planned.database)}; --yes does not answer this",
            )
        typed = _typed()
    if typed != planned.database:
        raise Aborted(f"nothing was changed: {typed!r} is not the name of the database, {planned.database!r}")


def _typed() -> str:
    question = "Type the name of the database that this backup is to replace"
    try:
        return str(click.prompt(question, default="", show_default=False, err=True))
    except click.Abort:  # Ctrl-C, or the end of the input
        raise KeyboardInterrupt from None


def _confirmed(planned: Restore) -> bool:
    tables = len(planned.verified.contents.tables)
    click.echo(f"restored into {planned.new} and checked: {tables} tables", err=True)
    stop = f"Stop {', '.join(planned.services)} and put" if planned.services else "Put"
    try:
        return click.confirm(f"{stop} it in the place of {planned.database} now?", err=True)
    except click.Abort:  # Ctrl-C, or the end of the input
        raise KeyboardInterrupt from None
