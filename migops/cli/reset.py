"""``migops reset``: a clean start in development; the old database and scripts are kept."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.deploy_options import cache_option, health_option, room_option, watch_option
from migops.cli.options import (
    compose_options,
    compose_options_of,
    configuration_options,
    option,
    output_options,
    timeout_option,
)
from migops.cli.questions import agreed, typed
from migops.core.errors import Aborted, ExitCode, MigopsError

if TYPE_CHECKING:
    from migops.commands.reset.reset import ResetOptions
    from migops.commands.reset.result import ResetPlan


@click.command("reset")
@click.argument("service", required=False, envvar="MIGOPS_SERVICE")
@option("--dry-run", is_flag=True, help="Show the plan and the way back; change nothing.")
@option("--yes", is_flag=True, help="Do not ask for confirmation (for scripts); the name must be given by --database.")
@click.option(
    "--database", metavar="NAME", default="", help="The name of the database to replace, instead of typing it."
)
@option("-m", "--message", metavar="TEXT", default="initial", show_default=True, help="Message of the first revision.")
@cache_option
@room_option
@health_option
@watch_option
@configuration_options
@timeout_option
@compose_options
@output_options("reset")
def reset(service: str | None, **given: Any) -> int:
    """Start the migrations of SERVICE again from its models, with a new database (for development).

    migops takes a verified backup, has Alembic write the first revision from the models, and proves it on a disposable
    server. Only then the application is stopped: the old scripts go to the state folder, a new database gets the old
    one's name, the first revision is applied, and the application is started on it. Nothing is emptied or dropped: the
    old database is kept under another name, and the commands that bring everything back are printed.

    It refuses (5) if the server is not a service of this project, if others use the database, or if a script that it
    would replace is not committed. You must type the database name; --yes alone is not enough. In scripts, use
    --yes --database NAME. --database has no MIGOPS_ variable.

    \b
    migops reset --dry-run                    the plan, and the way back
    migops reset                              show the plan, ask for the name, start again
    migops reset --yes --database shop        for scripts

    \b
    Exit codes: 0 done, 1 done, but doctor still finds errors, 2 bad input,
    3 something could not be read, 4 locked by another run, 5 nothing changed,
    6 failed, rolled back, 7 manual action needed (commands printed)
    """
    from migops import target
    from migops.cli.output import show
    from migops.cli.rebuild_and_migrate import Progress
    from migops.commands.reset import session
    from migops.docker import connect

    if not given["dry_run"]:
        _refuse_without_terminal(given)
    sought = target.Wanted(service=service or "", config=given["config"], section=given["section"], command="reset")
    compose = compose_options_of(given)
    resolved = target.resolve(sought, compose, os.environ, Path.cwd())
    with ExitStack() as stack:
        engine = stack.enter_context(connect(given["timeout"]))
        prepared = stack.enter_context(
            session.prepare(
                resolved, compose, _options(given), engine, Progress(), Path.cwd(), dry_run=given["dry_run"]
            )
        )
        plan = prepared.shown()
        if given["dry_run"]:
            show("reset --dry-run", plan, given)
            return int(ExitCode.CLEAN)
        _confirm(plan, given)
        end = prepared.carry_out()
        show("reset", end, given)
    return end.code


def _options(given: dict[str, Any]) -> ResetOptions:
    from migops.commands.deploy.options import Options
    from migops.commands.reset.reset import ResetOptions

    if not given["message"].strip():
        raise MigopsError("the first revision needs a message", hint="-m TEXT")
    return ResetOptions(
        given["message"],
        Options(cache=given["cache"], room=given["room"], health=given["health_timeout"], watch=given["watch"],
                timeout=given["timeout"]),
    )  # fmt: skip


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _refuse_without_terminal(given: dict[str, Any]) -> None:
    """Raise ``Aborted`` if neither the options nor a person can confirm."""
    if _has_terminal() or (given["yes"] and given["database"]):
        return
    lacking = [name for name, value in (("--yes", given["yes"]), ("--database NAME", given["database"])) if not value]
    raise Aborted(
        "not a terminal, so I cannot ask for the database name; nothing was changed",
        hint=f"add {' and '.join(lacking)} (both --yes and the name are needed), or use --dry-run",
    )


def _confirm(plan: ResetPlan, given: dict[str, Any]) -> None:
    """Show the plan and have the database's name typed. Raises ``Aborted`` if it is not."""
    from migops.cli.output import preview

    click.echo(preview("reset --dry-run", plan, given), err=True)
    name = given["database"] or _typed(plan)
    if name != plan.database:
        raise Aborted(
            f"nothing was changed: {name!r} is not the database's name, {plan.database!r}",
            hint=f"to confirm in a script: --yes --database {shlex.quote(plan.database)}",
        )
    if given["database"] and not given["yes"] and not agreed(f"Replace {plan.database} now?"):
        raise Aborted("not confirmed; nothing was changed")


def _typed(plan: ResetPlan) -> str:
    return typed(f"Type the name of the database to replace (on {plan.server}); anything else changes nothing")
