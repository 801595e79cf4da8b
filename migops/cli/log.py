"""``migops log``: past runs, holders of the locks, and ``--unlock``."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options, compose_options_of, option, output_options, timeout_option
from migops.core.errors import Aborted, ExitCode, MigopsError, Unavailable
from migops.core.printed import here

if TYPE_CHECKING:
    from migops import target
    from migops.commands.log import RunLog
    from migops.compose import ComposeOptions
    from migops.docker import Engine


@click.command("log")
@click.argument("what", metavar="[RUN|SERVICE]", required=False)
@option("--unlock", is_flag=True, help="Show who holds the locks, and release those whose process is gone.")
@option("--yes", is_flag=True, help="With --unlock: do not ask for confirmation (for scripts).")
@option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True, help="Number of runs to list.")
@timeout_option
@compose_options
@output_options("log")
def log(what: str | None, **given: Any) -> int:
    """List what migops has changed here, a line for each run; or show the steps of RUN, given by its number.

    Every command that changes something writes a journal to the state folder. SERVICE selects the database whose lock
    is shown, if several services have migrations.

    \b
    migops log
    migops log 12
    migops log --unlock

    \b
    Exit codes: 0 shown (without Docker only the runs; the locks are then unknown),
    2 no such run, 3 cannot reach Docker, and no run is on disk; with --unlock
    3 cannot reach Docker or the database, 4 the holder is still running, 5 nothing
    was released, 6 the server refused to end the session
    """
    from migops import target
    from migops.cli.resolving import project_of, reached
    from migops.commands.log import look, look_on_disk, unlock
    from migops.state import state_folder

    run = int(what) if what and what.isdecimal() else 0
    if run and given["unlock"]:
        raise MigopsError("--unlock releases locks, it does not end runs", hint="omit the run number")
    wanted = target.Wanted(service="" if run else what or "", needs_image=False, command="log")
    options = compose_options_of(given)
    with ExitStack() as stack:
        engine = reached(stack, given["timeout"])
        if isinstance(engine, MigopsError):
            if given["unlock"]:
                raise engine
            project = project_of(wanted, options)
            return _show(look_on_disk(project, engine, here().unlock()), run, given)
        try:
            resolved = target.resolve(wanted, options, os.environ, Path.cwd())
        except MigopsError as error:
            resolved = _image_only(wanted.service, options, engine, stack, error)
        if given["unlock"]:
            folder = state_folder.folder(engine, resolved.project)
            unlock(
                resolved,
                engine,
                folder,
                given["timeout"],
                click.echo,
                lambda question: _confirm(question, given, resolved),
            )
            return int(ExitCode.CLEAN)
        try:
            run_log = look(resolved, engine, state_folder.path(engine, resolved.project), given["timeout"])
        except Unavailable as error:  # the engine has gone, or answers no more
            run_log = look_on_disk(resolved.project, error, resolved.commands.unlock())
    return _show(run_log, run, given)


def _show(run_log: RunLog, run: int, given: dict[str, Any]) -> int:
    """Show the runs, or the one of that number."""
    from migops.cli.output import show
    from migops.commands.log import LogResult, runs_of

    if run:
        show("log RUN", LogResult(run_log, runs_of(run_log, run)), given)
    else:
        show("log", LogResult(run_log, run_log.runs[-given["number"] :]), given)
    return int(ExitCode.CLEAN)


def _image_only(
    service: str, options: ComposeOptions, engine: Engine, stack: ExitStack, error: MigopsError
) -> target.Target:
    """The target of a service whose migrations are in its image only, as in a deploy; else raises ``error``."""
    from migops.commands.deploy import image_only

    try:
        return image_only.resolve((service,) if service else (), options, os.environ, Path.cwd(), engine, stack)[0]
    except MigopsError:
        raise error from None


def _confirm(question: str, given: dict[str, Any], resolved: target.Target) -> bool:
    if given["yes"]:
        return True
    if not sys.stdin.isatty():
        raise Aborted(
            "--unlock needs confirmation, and this is not a terminal",
            hint=shlex.join((*resolved.commands.unlock(), "--yes")),
        )
    return click.confirm(question, err=True)
