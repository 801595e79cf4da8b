"""``migops status``: where every revision is, from git to the database, and what is pending."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import (
    Command,
    check_together,
    compose_options,
    compose_options_of,
    option,
    output_options,
    select_options,
)
from migops.core.errors import ExitCode, MigopsError

if TYPE_CHECKING:
    from migops.analysis.evidence import Evidence
    from migops.core.model import PlaceName
    from migops.docker import Engine
    from migops.target import Target

EXIT = {"clean": ExitCode.CLEAN, "findings": ExitCode.FINDINGS, "unknown": ExitCode.NO_VERDICT}


def database_options(command: Command) -> Command:
    """--database-url, --wait and --timeout: which database is asked, and how patiently."""
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


def with_drift(
    target: Target, evidence: Evidence, engine: Callable[[], Engine] | None, given: Mapping[str, Any]
) -> Evidence:
    """The evidence with the result of `alembic check`, if --drift was given."""
    if not given["drift"]:
        if any(word.upper() == "MIG407" or word == "schema-drift" for word in given["select"]):
            raise MigopsError("MIG407 needs --drift, because it runs env.py", hint="add --drift")
        return evidence
    if engine is None:
        return evidence
    from migops.commands import drift  # and all that runs Alembic

    return replace(evidence, drift=drift.ask(target, evidence, engine))


def needed(evidence: Evidence, *, without_engine: bool) -> list[PlaceName]:
    """The places without which there is no verdict if the database is read too."""
    from migops.core.model import PlaceName, Unknown

    places = [PlaceName.HOST, *([] if without_engine else [PlaceName.IMAGE]), PlaceName.DATABASE]
    if isinstance(evidence.chain.places.get(PlaceName.CONTAINER), Unknown):
        places.append(PlaceName.CONTAINER)  # there may be none, but one that is there must be read
    return places


@click.command("status")
@click.argument("service", required=False)
@database_options
@option(
    "--image",
    metavar="REF",
    default="",
    help="Image (default: the service's); docker-archive:FILE and oci:DIR work too.",
)
@option("--context", metavar="DIR", default="", help="Build context to compare with; no compose file is read then.")
@option(
    "--host-dir",
    metavar="DIR",
    default="",
    help="Host folder with Alembic's configuration (default: the build context).",
)
@option(
    "--config", metavar="FILE", default="", help="Alembic's configuration file on the host (default: auto-detected)."
)
@option(
    "--name", "section", metavar="SECTION", default="", help="Section of the configuration file (default: alembic)."
)
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
@output_options("text", "json", "mermaid")
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
    from migops import collect, rules, target
    from migops.cli.output import show
    from migops.collect.database_query import Ask
    from migops.commands import status as statuses
    from migops.core.model import Severity
    from migops.docker import connect
    from migops.output.status import render

    check_together(given)
    chosen = rules.chosen(given["select"], given["ignore"], "status")
    wanted = target.Wanted(
        service=service or "",
        **{key: given[key] for key in ("image", "context", "host_dir", "config", "section")},
        needs_image=not given["no_engine"],
        command="status",
        database_url=given["database_url"] or "",
    )
    found = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    ask = Ask(given["database_url"], given["timeout"], given["wait"])
    with ExitStack() as stack:
        engine = None if given["no_engine"] else lambda: stack.enter_context(connect(given["timeout"]))
        evidence = collect.check(found, engine, ask=ask, lint=given["drift"])  # for MIG407: which models are reached
        evidence = with_drift(found, evidence, engine, given)
    places = needed(evidence, without_engine=given["no_engine"])
    result = statuses.make(found, evidence, chosen, Severity(given["fail_on"] or "error"), places)
    show(lambda view: render(result, given["format_"], view), given)
    if not given["fail_on"]:
        return int(ExitCode.CLEAN if result.rows else ExitCode.NO_VERDICT)
    return int(EXIT[result.report.verdict.value])
