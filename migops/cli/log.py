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
from migops.core.errors import Aborted, ExitCode, MigopsError

if TYPE_CHECKING:
    from migops import target
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
    Exit codes: 0 shown, 2 no such run, 3 cannot reach Docker; with --unlock also
    3 cannot reach the database, 4 the holder is still running, 5 nothing was
    released, 6 the server refused to end the session
    """
    from migops import target
    from migops.cli.output import show
    from migops.commands.log import LogResult, look, run_of, unlock
    from migops.docker import connect
    from migops.state import state_folder

    run = int(what) if what and what.isdecimal() else 0
    if run and given["unlock"]:
        raise MigopsError("--unlock releases locks, it does not end runs", hint="omit the run number")
    wanted = target.Wanted(service="" if run else what or "", needs_image=False, command="log")
    options = compose_options_of(given)
    with connect(given["timeout"]) as engine, ExitStack() as stack:
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
        run_log = look(resolved, engine, state_folder.path(engine, resolved.project), given["timeout"])
    if run:
        show("log RUN", LogResult(run_log, (run_of(run_log, run),)), given)
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
