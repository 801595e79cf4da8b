"""``migops status``: the places of every revision, from git to the database, and the pending ones."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import (
    EXIT,
    Command,
    compose_options,
    configuration_options,
    context_options,
    host_dir_option,
    image_option,
    option,
    output_options,
    select_options,
)
from migops.cli.resolving import answer, check_together, pairs, resolve, silenced
from migops.core.errors import ExitCode, MigopsError

if TYPE_CHECKING:
    from migops.commands.status import Status
    from migops.target import Target, Wanted


def database_options(command: Command) -> Command:
    """--database-url, --wait and --timeout: the database, and how long to wait for it."""
    for add in reversed(
        (
            option(
                "--database-url",
                metavar="URL",
                default="",
                help="Database to read (default: the service's). Prefer MIGOPS_DATABASE_URL, "
                "which no process list shows.",
            ),
            option(
                "--wait",
                type=click.FloatRange(min=0),
                default=0.0,
                metavar="SECONDS",
                help="Wait up to SECONDS for the database to answer.",
            ),
            option(
                "--timeout",
                type=click.FloatRange(min=0.1),
                default=20.0,
                show_default=True,
                help="Seconds to wait for Docker, and for each database query.",
            ),
        )
    ):
        command = add(command)
    return command


drift_option = option(
    "--drift",
    is_flag=True,
    help="Also compare the models with the schema: runs `alembic check` (and so env.py) in a container of the image; "
    "runs only if the database is at the image's heads.",
)


def wanted_of(service: str, given: Mapping[str, Any], command: str) -> Wanted:
    """What is meant by the options that ``status`` and ``doctor`` share. ``service``: '' for the only one."""
    from migops import target

    return target.Wanted(
        service=service,
        **{key: given[key] for key in ("image", "context", "dockerfile", "stage", "host_dir", "config", "section")},
        build_args=pairs(given["build_args"]),
        needs_image=not given["no_engine"],
        command=command,
        database_url=given["database_url"] or "",
    )


def check_drift(given: Mapping[str, Any]) -> None:
    """Refuse to judge MIG407 without --drift."""
    if not given["drift"] and any(word.upper() == "MIG407" or word == "schema-drift" for word in given["select"]):
        raise MigopsError("MIG407 needs --drift, because it runs env.py", hint="add --drift")


@click.command("status")
@click.argument("service", required=False, envvar="MIGOPS_SERVICE")
@database_options
@image_option
@context_options
@host_dir_option
@configuration_options
@drift_option
@option(
    "--no-engine",
    is_flag=True,
    help="Do not use Docker: no image, no container, and only a database that is reachable without it.",
)
@compose_options
@select_options
@option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    help="Exit with 1 if there is a finding of this severity or worse, and with 3 if a place could not be read "
    "(default: always exit 0).",
)
@output_options("status")
def status(service: str | None, **given: Any) -> int:
    """Show where each revision of SERVICE is, from git to the database, and which are pending.

    \b
    migops status                              the only service with migrations
    migops status app --format json
    migops status --wait 60 --fail-on warning  in scripts: is the database up to date?

    \b
    Exit codes: 0 shown, 1 findings (with --fail-on), 2 bad input, 3 nothing to
    show; with --fail-on also 3 if host, image or database could not be read
    """
    from migops import rules
    from migops.collect.database_query import Ask
    from migops.commands import diagnosis
    from migops.core.model import Severity
    from migops.docker import connect

    check_together(given)
    silenced(given)  # report a misspelt one before anything is read
    rules.chosen(given["select"], given["ignore"], "status")
    wanted = wanted_of(service or "", given, "status")
    resolved = resolve(wanted, given)
    left_out = silenced(given, resolved)
    chosen = rules.chosen(given["select"], (*given["ignore"], *(entry.rule for entry in left_out)), "status")
    check_drift(given)

    def judge(target: Target) -> Status:
        with ExitStack() as stack:
            engine = None if given["no_engine"] else lambda: stack.enter_context(connect(given["timeout"]))
            ask = Ask(given["database_url"], given["timeout"], given["wait"])
            access = diagnosis.Access(engine, ask, given["drift"])
            result = diagnosis.status(target, access, chosen, Severity(given["fail_on"] or "error"))
        return replace(result, report=replace(result.report, silenced=left_out))

    def code(result: Status) -> ExitCode:
        if not given["fail_on"]:
            return ExitCode.CLEAN if result.rows else ExitCode.NO_VERDICT
        return EXIT[result.report.verdict.value]

    return answer("status", resolved, wanted, given, judge, code)
