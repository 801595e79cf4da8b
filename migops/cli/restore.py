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
@option("--yes", is_flag=True, help="Do not ask, for scripts. A name that has to be typed: --confirm.")
@click.option("--foreign", is_flag=True, help="Allow a backup of another server, project or volume.")
@click.option("--confirm", metavar="NAME", default="", help="The database's name, where it has to be typed (scripts).")
@option("--dry-run", is_flag=True, help="Check the file and show the plan; touch nothing.")
@option("--config", metavar="FILE", default="", help="Alembic's configuration on the host (default: found).")
@option("--name", "section", metavar="SECTION", default="", help="Section of it (default: alembic).")
@timeout_option
@compose_options
@output_options("text", "json")
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
    from migops.cli.output import view_of
    from migops.commands import backup as action
    from migops.commands.backup import interrupted, restore_plan, restoring
    from migops.docker import connect
    from migops.output import restore as shown_restore
    from migops.runner import past_runs
    from migops.state import journal, state_folder
    from migops.state.engine_lock import run_lock

    if not (given["yes"] or given["dry_run"] or (sys.stdin is not None and sys.stdin.isatty())):
        raise Aborted("nobody can be asked here, so nothing was changed", hint="--yes answers for you; or --dry-run")
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
            past_runs.refuse_of_others(lock, folder, found, source.reached, given["timeout"])
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
            f"{planned.database} was restored, but {', '.join(names)} did not come up again with it",
            commands=[("docker", "logs", "--tail", "50", names[0]), ("docker", "start", *names)],
        )
    return 128 + swapped.signals[0] if swapped.signals else int(ExitCode.CLEAN)


def _file(given: str, folder: Path, target: Target) -> Path:
    """The file that is meant: a path, or the name of one in the folder of the backups."""
    for path in (Path(given), *([folder / given] if Path(given).name == given else [])):
        if path.is_file():
            return path.resolve()
    listing = target.commands.say("backup", "--list")
    raise MigopsError("is no file", at=Location(given), hint=f"`{listing}` shows the backups that there are")


def _see_the_name(planned: Restore, given: str) -> None:
    """See that the database's name was typed, where it has to be: ``given`` in advance, or now. ``Aborted`` if not."""
    from migops.output.restore import origin

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


def _goes_on(planned: Restore, lock: EngineLock, yes: bool) -> bool:
    """Whether the names are to change now: after a yes, and with the lock still ours."""
    sure = yes or _confirmed(planned)
    lock.check()
    return sure


def _confirmed(planned: Restore) -> bool:
    tables = len(planned.verified.contents.tables)
    click.echo(f"restored into {planned.new} and checked: {tables} tables", err=True)
    stop = f"Stop {', '.join(planned.services)} and put" if planned.services else "Put"
    try:
        return click.confirm(f"{stop} it in the place of {planned.database} now?", err=True)
    except click.Abort:  # Ctrl-C, or the end of the input
        raise KeyboardInterrupt from None
