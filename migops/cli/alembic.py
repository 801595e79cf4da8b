"""``migops alembic``: Alembic in the service's container, with its own arguments, output and exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.alembic_arguments import cut, meant, refuse_behind
from migops.cli.options import FILES, NAMES, compose_options_of, existing, option, stream
from migops.core.errors import MigopsError, Stopped

if TYPE_CHECKING:
    from migops.commands.alembic.call import AlembicCall, RunOptions


class Cut(click.Command):
    """A command that hides Alembic's arguments from click, which would take ``-q`` and ``--`` for its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours, theirs = cut(args)
        super().parse_args(ctx, ours)
        ctx.params["arguments"] = tuple(theirs)
        if not ctx.resilient_parsing:
            refuse_behind(theirs)
        return []

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "ALEMBIC_ARGUMENTS..."]


USAGE = 2  # Alembic's exit code for arguments that it does not know
_WIDTH = 100  # columns of a drawn graph, which stands among Alembic's own output


@click.command("alembic", cls=Cut, context_settings={"help_option_names": ["--help"]})
@option("--service", metavar="SERVICE", default="", help="The service (default: the only one with migrations).")
@option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=FILES,
    metavar="FILE",
    callback=existing,
    help="Compose file (repeatable).",
)
@option("-p", "--project-name", metavar="NAME", help="Compose project name.")
@option("--env-file", "env_files", multiple=True, type=FILES, metavar="FILE", help="Environment file (repeatable).")
@option("--profile", "profiles", multiple=True, type=NAMES, metavar="NAME", help="Enable a profile (repeatable).")
@option("--project-directory", metavar="DIR", help="Base folder for relative paths in the compose files.")
@option(
    "--yes", is_flag=True, help="Do not ask for confirmation (for scripts), not even before an upgrade that drops data."
)
@option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="upgrade, downgrade, stamp: wait for a database that is not up yet (default: 30 if it has a container).",
)
@option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a migration may wait for a lock (0: no limit); while it waits, others queue behind it.",
)
@option(
    "--database-url",
    metavar="URL",
    default="",
    help="Database URL as seen from this host. Prefer MIGOPS_DATABASE_URL, which no process list shows.",
)
@option(
    "--repeat",
    multiple=True,
    metavar="REV",
    help="Run REV although an earlier run committed, or may have committed, part of it (repeatable).",
)
@option("--no-lock", is_flag=True, help="Migrate without the database lock, if this host cannot reach the database.")
@option(
    "--verbose",
    is_flag=True,
    callback=stream,
    help="Also print what could not be checked, and the output of what is run before Alembic.",
)
def alembic(arguments: tuple[str, ...], **given: Any) -> int:
    """Run Alembic in SERVICE's container, or in a one-off container of its current image if the container is outdated.

    Output and exit code are Alembic's own. Put the options below before Alembic's arguments; everything after them goes
    to Alembic. Known failures are explained on standard error.

    upgrade, downgrade and stamp first show what they will do, hold a lock (one migration at a time, across hosts) and
    write a journal (migops log). downgrade and stamp ask for confirmation; upgrade asks only if it drops tables or
    columns or deletes rows. revision and merge check the history first, and run in a one-off container that is removed
    afterwards.

    \b
    migops alembic current
    migops alembic -f compose.prod.yml upgrade head --sql > upgrade.sql
    migops alembic -x tenant=f revision --autogenerate -m "Add a price"
    migops alembic --yes downgrade -1
    migops alembic merge -m "Join"                      merges the current heads
    migops alembic -h                                   Alembic's own help

    \b
    Exit codes: Alembic's own, and 2 bad input (or a connection pooler in front of
    the database), 3 could not be started, 4 locked by another run, 5 stopped,
    nothing changed, 6 gave up, nothing changed, 7 check the database's state
    """
    from migops import collect, target
    from migops.commands.alembic.call import AlembicCall
    from migops.commands.alembic.run import run
    from migops.docker import connect
    from migops.runner import command_lines
    from migops.runner.running import NotStarted

    if not arguments:
        raise MigopsError("no Alembic command given", hint="for example: current, upgrade head; see --help")
    wanted = target.Wanted(service=given["service"], command="alembic", database_url=given["database_url"] or "")
    resolved = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    resolved = command_lines.aimed(resolved, arguments, collect.host_cwd(collect.Survey(resolved)))
    with connect() as engine:
        call = AlembicCall(resolved, arguments, engine, say, _options(given))
        try:
            result = run(call)
        except (Stopped, NotStarted) as error:
            _explain(call, 0, str(error) if isinstance(error, NotStarted) else "")
            raise
        if result.drawing is not None:
            from migops.commands.graph import GraphResult
            from migops.output import View, render

            for line in render("graph", GraphResult(result.drawing), View(width=_WIDTH)).splitlines():
                say(line)
        if result.child and not result.stopped:
            _explain(call, result.child)
            if result.child == USAGE and (hint := meant(arguments)):
                say(hint)
    return result.code


def _explain(call: AlembicCall, code: int, refused: str = "") -> None:
    """Explain the failure in what Alembic wrote, or in why it was not started, if it is a known one."""
    from migops.commands.failures import explain  # and with it all the rules: only a failure pays for them

    output = call.output.tail() or refused
    for line in explain(output, call.target, call.engine, call.arguments, code=code, again=call.again()):
        say(line, plain=True)


def _options(given: Mapping[str, Any]) -> RunOptions:
    from migops.commands.alembic.call import RunOptions

    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    return RunOptions(
        yes=given["yes"], ask=_ask if terminal else None, wait=given["wait"], lock_timeout=given["lock_timeout"],
        no_lock=given["no_lock"], url=given["database_url"], verbose=given["verbose"],
        repeat=given["repeat"],
    )  # fmt: skip


def _ask(question: str) -> bool:
    return click.confirm(f"migops: {question}", err=True)


def say(line: str, *, plain: bool = False) -> None:
    """Print a line on standard error; its beginning tells it from Alembic's lines."""
    from migops.core.terminal import printable

    click.echo(printable(line) if plain else f"migops: {printable(line)}", err=True)
