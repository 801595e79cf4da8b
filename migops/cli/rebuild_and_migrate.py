"""``migops rebuild-and-migrate``: the safe deploy."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.deploy_options import cache_option, health_option, room_option, watch_option
from migops.cli.options import (
    color_option,
    compose_options,
    compose_options_of,
    format_option,
    option,
    output_option,
    stream,
    timeout_option,
)
from migops.core import debug, progress
from migops.core.errors import Aborted, ExitCode

_STATUS_AT = 20  # the column of a step's status

if TYPE_CHECKING:
    from migops.commands.deploy.result import PlanResult


@click.command("rebuild-and-migrate")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@option("--dry-run", is_flag=True, help="Show the plan and the pending migrations; change nothing.")
@option("--sql", is_flag=True, help="With --dry-run: also print the SQL of the pending migrations.")
@option("--yes", is_flag=True, help="Do not ask for confirmation (for scripts), not even if the plan drops data.")
@cache_option
@option("--pull", is_flag=True, help="Pull newer base images.")
@option("--no-pull", is_flag=True, help="Services without a build: use the local image, do not pull.")
@option("--no-backup", is_flag=True, help="Do not take a backup: data destroyed by a migration cannot be recovered.")
@option("--keep", type=click.IntRange(min=1), default=10, show_default=True, help="Number of backups to keep.")
@option(
    "--keep-days",
    type=click.FloatRange(min=0),
    help="Delete backups older than this many days; the newest is always kept.",
)
@room_option
@option(
    "--repeat",
    multiple=True,
    metavar="REV",
    help="Run REV although an earlier run committed, or may have committed, part of it (repeatable).",
)
@option("--rehearse", is_flag=True, help="First run the migrations (up, down, up) on a disposable copy of the data.")
@option(
    "--on-failure",
    type=click.Choice(["stop", "downgrade"]),
    default="stop",
    show_default=True,
    help="If the new containers do not become healthy: leave the database migrated, or downgrade it.",
)
@option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="Seconds a migration may wait for a lock (0: no limit); while it waits, others queue behind it.",
)
@option(
    "--wait", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait for the database."
)
@health_option
@watch_option
@option(
    "--discard",
    multiple=True,
    metavar="REV",
    help="Drop a revision that only a container has (repeatable); its script is first saved in the state folder.",
)
@option(
    "--accept-migrating-entrypoint",
    is_flag=True,
    help="Deploy although a start migrates and is not proved to have nothing left to do.",
)
@option("--database-url", metavar="URL", default="", help="Database URL (default: the service's).")
@timeout_option
@compose_options
@option(
    "-v", "--verbose", is_flag=True, callback=stream, help="Write the whole output of builds, pulls and migrations."
)
@format_option("rebuild-and-migrate")
@output_option
@color_option
def rebuild_and_migrate(services: tuple[str, ...], **given: Any) -> int:
    """Rebuild SERVICE, migrate its database with the new image, replace its containers; verify each step.

    \b
    migops rebuild-and-migrate --dry-run --sql      the plan, with the pending SQL
    migops rebuild-and-migrate app                  show the plan, ask, deploy
    migops rebuild-and-migrate --yes --format json  for scripts

    \b
    Exit codes: 0 done · 2 bad input · 3 something could not be read
    4 locked by another run · 5 aborted, nothing changed
    6 failed, rolled back: the old app runs, the database is as before
    7 manual action needed (commands printed) · 130/143 interrupted
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
        raise Aborted("cannot ask for confirmation (no terminal), so nothing was changed", hint="add --yes")
    if not click.confirm("Proceed?", default=False, err=True):
        raise Aborted("not confirmed; nothing was changed")
    if plan.losses:
        for sentence in plan.losses:
            click.echo(printable(sentence), err=True)
        if not click.confirm("This data will be lost. Apply the migrations anyway?", default=False, err=True):
            raise Aborted("not confirmed, because data would be lost; nothing was changed")


class Progress:
    """Progress on standard error, a line per step: its name when it begins, its status and time when it ends."""

    def __init__(self) -> None:
        self.is_open = False  # whether the cursor still stands behind the step's name
        self.rest = " "

    def begin(self, number: int, of: int, name: str) -> None:
        head = f"{number:>3}/{of}  {name}"
        self.is_open = not (debug.enabled() or progress.is_streamed())  # whose lines come in between
        self.rest = " " * max(1, _STATUS_AT - len(head))
        self._write(head, nl=not self.is_open)

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
