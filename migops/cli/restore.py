"""``migops restore``: replace the database by a backup. The previous database is kept."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
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
from migops.core.errors import Aborted, ExitCode, ManualActionRequired, MigopsError
from migops.core.location import Location

if TYPE_CHECKING:
    from migops.commands.backup.restore_plan import Restore
    from migops.commands.backup.swap import Swapped
    from migops.output.view import View
    from migops.state.engine_lock import EngineLock
    from migops.target import Target


@click.command("restore")
@click.argument("file", metavar="FILE")
@click.argument("service", required=False)
@option("--yes", is_flag=True, help="Do not ask for confirmation (for scripts). It does not replace --confirm.")
@click.option("--foreign", is_flag=True, help="Allow a backup of another server, project or volume.")
@click.option("--confirm", metavar="NAME", default="", help="The database's name, if it must be typed (for scripts).")
@option("--dry-run", is_flag=True, help="Check the file and show the plan; change nothing.")
@configuration_options
@timeout_option
@compose_options
@output_options("text", "json")
def restore(file: str, service: str | None, **given: Any) -> int:
    """Replace SERVICE's database by the backup FILE (a path, or a name that `migops backup --list` shows).

    FILE is restored into a new database and checked there, while the services keep running. After your confirmation
    the services that use the database stop, the two databases swap their names, and the services start again. The
    previous database is kept, and the commands that bring it back are printed.

    A backup of another server or project needs --foreign. For such a backup, for one of a recreated server (only its
    system identifier differs), and for one that does not record its server (migops 0.1.0), you must type the
    database's name; --yes does not replace that. In scripts: --confirm NAME. These two options have no MIGOPS_
    variable.

    \b
    Exit codes: 0 restored, 2 bad input, 3 the server does not answer, 4 locked by another run,
    5 nothing was changed, 6 failed, rolled back, 7 manual action needed, with the commands
    """
    from migops import target
    from migops.cli.output import view_of
    from migops.commands import backup as action
    from migops.commands.backup import interrupted, restore_plan, restoring
    from migops.commands.deploy import at_work
    from migops.docker import connect
    from migops.output import restore as shown_restore
    from migops.state import journal, state_folder
    from migops.state.engine_lock import run_lock

    if not (given["yes"] or given["dry_run"] or (sys.stdin is not None and sys.stdin.isatty())):
        raise Aborted(
            "not a terminal, so migops cannot ask for confirmation; nothing was changed",
            hint="add --yes to confirm, or --dry-run",
        )
    wanted = target.Wanted(service=service or "", config=given["config"], section=given["section"], command="restore")
    found = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    with connect(given["timeout"]) as engine:
        path = _file(file, state_folder.path(engine, found.project) / action.FOLDER, found)
        source = action.find(action.question(found, engine, given["timeout"]), engine)

        def prepared() -> Restore:
            return restore_plan.prepare(engine, source, found, path, given["timeout"], foreign=given["foreign"])

        if given["dry_run"]:
            interrupted.refuse(engine, source, state_folder.path(engine, found.project))
            return _shown(prepared(), None, given)
        folder = state_folder.folder(engine, found.project)
        with run_lock(engine, folder, found.project, "migops restore", found.commands.unlock()) as lock:
            interrupted.refuse(engine, source, folder)
            at_work.refuse_of_others(lock, folder, found, source.reached, given["timeout"])
            with journal.begin(folder, interrupted.COMMAND, [path.name, found.service]) as log:
                planned = prepared()
                click.echo(shown_restore.plan(planned, view_of(given)), err=True, nl=False)
                _see_the_name(planned, given["confirm"])
                swapped = restoring.carry_out(engine, planned, log, lambda: _goes_on(planned, lock, given["yes"]))
                if swapped.down:
                    log.end("operator", int(ExitCode.OPERATOR), down=[each.name for each in swapped.down])
    return _shown(planned, swapped, given)


def _shown(planned: Restore, swapped: Swapped | None, given: Mapping[str, Any]) -> int:
    """Show the plan (``swapped`` is None) or the result; return the exit code."""
    from migops.cli.output import show
    from migops.output import restore as shown_restore

    def render(view: View) -> str:
        if given["format_"] == "json":
            return shown_restore.as_json(planned, swapped)
        return shown_restore.done(planned, swapped, view) if swapped else shown_restore.plan(planned, view)

    show(render, given)
    if swapped is None:
        return int(ExitCode.CLEAN)
    if swapped.down:
        names = [each.name for each in swapped.down]
        raise ManualActionRequired(
            f"{planned.database} was restored, but {', '.join(names)} did not start again",
            commands=[("docker", "logs", "--tail", "50", names[0]), ("docker", "start", *names)],
        )
    return 128 + swapped.signals[0] if swapped.signals else int(ExitCode.CLEAN)


def _file(given: str, folder: Path, target: Target) -> Path:
    """The backup file: a path, or a name in the backup folder. MigopsError if there is none."""
    for path in (Path(given), *([folder / given] if Path(given).name == given else [])):
        if path.is_file():
            return path.resolve()
    listing = target.commands.say("backup", "--list")
    raise MigopsError("no such file", at=Location(given), hint=f"`{listing}` shows the existing backups")


def _see_the_name(planned: Restore, given: str) -> None:
    """Check that the database's name was typed, if it must be: ``given`` in advance, or now. ``Aborted`` if not."""
    from migops.output.restore import origin

    typed = given
    if not given and not planned.needs_name:
        return
    if not given:
        if sys.stdin is None or not sys.stdin.isatty():
            raise Aborted(
                f"nothing was changed: {origin(planned)}, and without a terminal migops cannot ask for the database's "
                "name",
                hint=f"if this is the right backup: --confirm {shlex.quote(planned.database)}; --yes is not enough",
            )
        typed = _typed()
    if typed != planned.database:
        raise Aborted(f"nothing was changed: {typed!r} is not the database's name, {planned.database!r}")


def _typed() -> str:
    question = "Type the name of the database that this backup will replace"
    try:
        return str(click.prompt(question, default="", show_default=False, err=True))
    except click.Abort:  # Ctrl-C, or the end of the input
        raise KeyboardInterrupt from None


def _goes_on(planned: Restore, lock: EngineLock, yes: bool) -> bool:
    """True if confirmed. Raises ``LockLost`` if the lock was lost meanwhile."""
    sure = yes or _confirmed(planned)
    lock.check()
    return sure


def _confirmed(planned: Restore) -> bool:
    tables = len(planned.verified.contents.tables)
    click.echo(f"restored into {planned.new} and checked: {tables} tables", err=True)
    action = f"Stop {', '.join(planned.services)} and replace" if planned.services else "Replace"
    try:
        return click.confirm(f"{action} {planned.database} now?", err=True)
    except click.Abort:  # Ctrl-C, or the end of the input
        raise KeyboardInterrupt from None
