"""``migops doctor``: every rule, on the whole chain and the project's own files."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from migops.cli.options import (
    check_together,
    compose_options,
    compose_options_of,
    option,
    output_options,
    rule_options,
)
from migops.cli.status import EXIT, database_options, drift_option, needed, with_drift


@click.command("doctor")
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
@rule_options
@output_options("text", "json")
def doctor(service: str | None, **given: Any) -> int:
    """Run every check on SERVICE: the whole chain, including config, code and compose file.

    \b
    migops doctor                            the only service with migrations
    migops doctor app --fail-on warning
    migops doctor --select MIG6 --select MIG8

    Nothing is changed. Exit codes are those of check-image; also 3 if there is a database that could not
    be read. --no-engine without --database-url checks only the files, without a database.
    """
    from migops import collect, rules, target
    from migops.cli.output import write
    from migops.collect.database_query import Ask
    from migops.commands import check
    from migops.core.model import Absent, PlaceName, Severity
    from migops.docker import connect

    check_together(given)
    chosen = rules.chosen(given["select"], given["ignore"])
    wanted = target.Wanted(
        service=service or "",
        **{key: given[key] for key in ("image", "context", "host_dir", "config", "section")},
        needs_image=not given["no_engine"],
        command="doctor",
        database_url=given["database_url"] or "",
    )
    found = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    ask = Ask(given["database_url"], given["timeout"], given["wait"])
    with ExitStack() as stack:
        engine = None if given["no_engine"] else lambda: stack.enter_context(connect(given["timeout"]))
        evidence = collect.check(found, engine, all_files=engine is not None, ask=ask, lint=True)
        evidence = with_drift(found, evidence, engine, given)
    places = needed(evidence, without_engine=given["no_engine"])
    lint_only = given["no_engine"] and not given["database_url"]
    if lint_only or isinstance(evidence.database, Absent):
        places.remove(PlaceName.DATABASE)  # what it would say is skipped with its reason; the rest is judged
    result = check.make("doctor", found, evidence, chosen, Severity(given["fail_on"]), places)
    write(result, given)
    return int(EXIT[result.verdict.value])
