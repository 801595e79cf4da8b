"""``migops restore``: put a backup in the database's place. The database that is there is kept."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options, compose_options_of, option, output_options, timeout_option
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
@option(
    "--yes", is_flag=True, help="Do not ask for confirmation (for scripts). If the name must be typed, use --confirm."
)
@click.option("--foreign", is_flag=True, help="Allow a backup of another server, project or volume.")
@click.option("--confirm", metavar="NAME", default="", help="The database name, if it must be typed (for scripts).")
@option("--dry-run", is_flag=True, help="Check the file and show the plan; change nothing.")
@option(
    "--config", metavar="FILE", default="", help="Alembic's configuration file on the host (default: auto-detected)."
)
@option(
    "--name", "section", metavar="SECTION", default="", help="Section of the configuration file (default: alembic)."
)
@timeout_option
@compose_options
@output_options("text", "json")
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
            "not a terminal, so I cannot ask; nothing was changed", hint="add --yes to confirm, or use --dry-run"
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
    """Show the plan (``swapped`` is None) or what was done, and the exit code that it comes to."""
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
            f"{planned.database} was restored, but {', '.join(names)} did not start with it",
            commands=[("docker", "logs", "--tail", "50", names[0]), ("docker", "start", *names)],
        )
    return 128 + swapped.signals[0] if swapped.signals else int(ExitCode.CLEAN)


def _file(given: str, folder: Path, target: Target) -> Path:
    """The file that is meant: a path, or the name of one in the folder of the backups."""
    for path in (Path(given), *([folder / given] if Path(given).name == given else [])):
        if path.is_file():
            return path.resolve()
    listing = target.commands.say("backup", "--list")
    raise MigopsError("no such file", at=Location(given), hint=f"`{listing}` lists the backups")


def _see_the_name(planned: Restore, given: str) -> None:
    """See that the database's name was typed, where it has to be: ``given`` in advance, or now. ``Aborted`` if not."""
    from migops.output.restore import origin

    typed = given
    if not given and not planned.needs_name:
        return
    if not given:
        if sys.stdin is None or not sys.stdin.isatty():
            raise Aborted(
                f"nothing was changed: {origin(planned)}, so you must type the database name, and this is "
                "not a terminal",
                hint=f"if this is the right backup: --confirm {shlex.quote(planned.database)} (--yes is not enough)",
            )
        typed = _typed()
    if typed != planned.database:
        raise Aborted(f"nothing was changed: {typed!r} is not the name of the database, {planned.database!r}")


def _typed() -> str:
    question = "Type the name of the database to replace"
    try:
        return str(click.prompt(question, default="", show_default=False, err=True))
    except click.Abort:  # Ctrl-C, or the end of the input
        raise KeyboardInterrupt from None


def _goes_on(planned: Restore, lock: EngineLock, yes: bool) -> bool:
    """Whether the names are to change now: after a yes, and with the lock still ours."""
    sure = yes or _confirmed(planned)
    lock.check()
    return sure


def _confirmed(planned: Restore) -> bool:
    tables = len(planned.verified.contents.tables)
    click.echo(f"restored into {planned.new} and checked: {tables} tables", err=True)
    stop = f"Stop {', '.join(planned.services)} and use" if planned.services else "Use"
    try:
        return click.confirm(f"{stop} it as {planned.database} now?", err=True)
    except click.Abort:  # Ctrl-C, or the end of the input
        raise KeyboardInterrupt from None
