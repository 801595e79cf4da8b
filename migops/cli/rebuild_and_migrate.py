"""``migops rebuild-and-migrate``: the safe deploy."""

from __future__ import annotations

import math
import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import (
    color_option,
    compose_options,
    compose_options_of,
    format_option,
    option,
    output_option,
    timeout_option,
)
from migops.core import debug
from migops.core.errors import Aborted, ExitCode

_STATUS_AT = 20  # the column of a step's status

if TYPE_CHECKING:
    from migops.commands.deploy.result import PlanResult


def _a_number(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse ``nan``, which passes every range check."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number of seconds", context, parameter)
    return value


@click.command("rebuild-and-migrate")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@option("--dry-run", is_flag=True, help="Show the plan and what is pending; change nothing.")
@option("--sql", is_flag=True, help="With --dry-run: the SQL of the pending revisions too.")
@option(
    "--yes", is_flag=True, help="Ask nothing, for scripts; it also says yes to losing what the plan says is dropped."
)
@option("--cache", is_flag=True, help="Build with the cache (default: --no-cache).")
@option("--pull", is_flag=True, help="Fetch newer base images.")
@option("--no-pull", is_flag=True, help="Of a service that is not built here: take the image as it is, fetch nothing.")
@option("--no-backup", is_flag=True, help="Take no backup: what a migration destroys is gone.")
@option("--keep", type=click.IntRange(min=1), default=10, show_default=True, help="Backups that are kept.")
@option("--keep-days", type=click.FloatRange(min=0), help="Days that backups are kept; the newest one always is.")
@option(
    "--room",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="Space that must be free for the backup, by the database's size; 0 does not look.",
)
@option(
    "--repeat",
    multiple=True,
    metavar="REV",
    help="Run REV although an earlier run has, or may have, committed a part of it (repeatable).",
)
@option("--rehearse", is_flag=True, help="First try the migrations, up, down and up, on a throwaway copy of the data.")
@option(
    "--on-failure",
    type=click.Choice(["stop", "downgrade"]),
    default="stop",
    show_default=True,
    help="When the new app does not come up: leave the database migrated, or take it back with the new image.",
)
@option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="Seconds that a migration may wait for a lock (0: for ever).",
)
@option("--wait", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds for the database.")
@option(
    "--health-timeout",
    type=click.FloatRange(min=1),
    default=120.0,
    show_default=True,
    help="Seconds for the new containers to be healthy.",
)
@option(
    "--watch",
    type=click.FloatRange(min=0, max=86400),
    callback=_a_number,
    metavar="SECONDS",
    help="Seconds that new containers must stay up, once they are healthy, or run without a health check; a restart "
    "rolls back. Default: 30 without a health check, else 0.",
)
@option(
    "--discard",
    multiple=True,
    metavar="REV",
    help="Give up a revision that only a container has (repeatable); its script is saved in the state folder first.",
)
@option("--accept-migrating-entrypoint", is_flag=True, help="Deploy an image that migrates by itself when it starts.")
@option("--database-url", metavar="URL", default="", help="The database (default: the service's).")
@timeout_option
@compose_options
@format_option("rebuild-and-migrate")
@output_option
@color_option
def rebuild_and_migrate(services: tuple[str, ...], **given: Any) -> int:
    """Build SERVICE anew, migrate its database with the new image, and put it to work, each step proved.

    \b
    migops rebuild-and-migrate --dry-run --sql      the plan, with the pending SQL
    migops rebuild-and-migrate app                  shows the plan, asks, does it
    migops rebuild-and-migrate --yes --format json  for scripts

    \b
    Exit codes: 0 done · 2 bad input · 3 something could not be read
    4 locked by another run · 5 aborted, nothing changed
    6 failed, the old app runs and the database is as it was
    7 your decision is needed, with the commands · 130/143 interrupted
    """
    from migops.cli.output import show
    from migops.commands.deploy import session
    from migops.docker import connect

    with ExitStack() as stack:
        say = Progress()
        engine = stack.enter_context(connect(given["timeout"]))
        prepared = stack.enter_context(
            session.prepare(
                services, compose_options_of(given), _options(given), engine, say, environment=os.environ,
                cwd=Path.cwd(), url=given["database_url"], dry_run=given["dry_run"],
            )
        )  # fmt: skip
        plan = prepared.shown()
        if given["dry_run"]:
            show("rebuild-and-migrate --dry-run", plan, given)
            return int(ExitCode.CLEAN)
        _confirm(plan, given)
        end = prepared.carry_out()
        show("rebuild-and-migrate", end, given)
    return end.code


def _options(given: dict[str, Any]) -> Any:
    from migops.commands.deploy.options import Options

    return Options(
        cache=given["cache"], pull=given["pull"], fetch=not given["no_pull"],
        backup=not given["no_backup"], rehearse=given["rehearse"],
        on_failure=given["on_failure"], lock_timeout=given["lock_timeout"], wait=given["wait"],
        health=given["health_timeout"], watch=given["watch"], timeout=given["timeout"], keep=given["keep"],
        keep_days=given["keep_days"], room=given["room"],
        accept_migrating=given["accept_migrating_entrypoint"], sql=given["sql"],
        repeat=given["repeat"],
        discard=given["discard"],
    )  # fmt: skip


def _confirm(plan: PlanResult, given: dict[str, Any]) -> None:
    """Show the plan and ask for a yes. Raises ``Aborted`` for a no, and without --yes or a terminal to ask on."""
    from migops.cli.output import preview
    from migops.core.terminal import printable

    click.echo(preview("rebuild-and-migrate --dry-run", plan, given), err=True)
    if given["yes"]:
        return
    if not sys.stdin.isatty():
        raise Aborted("nobody is there to say yes to the plan; nothing was changed", hint="--yes, for scripts")
    if not click.confirm("go on?", default=False, err=True):
        raise Aborted("not confirmed; nothing was changed")
    if plan.losses:
        for sentence in plan.losses:
            click.echo(printable(sentence), err=True)
        if not click.confirm("Data goes with it. Apply this all the same?", default=False, err=True):
            raise Aborted("not confirmed, as data would go; nothing was changed")


class Progress:
    """Progress on standard error, a line per step: its name when it begins, its status and time when it ends."""

    def __init__(self) -> None:
        self.is_open = False  # whether the cursor still stands behind the step's name
        self.rest = " "

    def begin(self, number: int, of: int, name: str) -> None:
        head = f"{number:>3}/{of}  {name}"
        self.is_open, self.rest = not debug.enabled(), " " * max(1, _STATUS_AT - len(head))
        self._write(head, nl=not self.is_open)  # debug lines come in between, and have lines of their own

    def line(self, text: str) -> None:
        from migops.core.terminal import printable

        before = "\n" if self.is_open else ""
        self.is_open = False
        self._write(f"{before}        {printable(text)}")

    def end(self, status: str, seconds: float) -> None:
        self._write(f"{self.rest if self.is_open else ' ' * 8}{status}, {seconds:.1f} s")
        self.is_open = False

    def _write(self, text: str, *, nl: bool = True) -> None:
        # A terminal that has gone (OSError), or a signal that speaks into a line that is being written (RuntimeError),
        # must not end a deploy halfway: the journal has it all.
        with suppress(OSError, RuntimeError):
            click.echo(text, nl=nl, err=True)
