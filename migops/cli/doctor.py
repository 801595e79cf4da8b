"""``migops doctor``: every rule, over the whole chain and what the project's own files tell."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from migops.cli.options import (
    check_together,
    compose_options,
    configuration_options,
    context_option,
    host_dir_option,
    image_option,
    option,
    output_options,
    rule_options,
)
from migops.cli.status import EXIT, database_options, drift_option, needed, target_of, with_drift


@click.command("doctor")
@click.argument("service", required=False)
@database_options
@image_option
@context_option
@host_dir_option
@configuration_options
@drift_option
@option("--no-engine", is_flag=True, help="No image and no container; only a database that is reached without.")
@compose_options
@rule_options
@output_options("text", "json")
def doctor(service: str | None, **given: Any) -> int:
    """Judge every rule for SERVICE: the whole chain, and what the project's own files tell.

    \b
    migops doctor                            the only service with migrations
    migops doctor app --fail-on warning
    migops doctor --select MIG6 --select MIG8

    Nothing is changed. Exit codes are those of check-image; 3 too where there is a database that could
    not be asked. --no-engine without --database-url judges what the files tell, without a database.
    """
    from migops import collect, rules
    from migops.cli.output import write
    from migops.collect.database_query import Ask
    from migops.commands import check
    from migops.core.model import Absent, PlaceName, Severity
    from migops.docker import connect

    check_together(given)
    chosen = rules.chosen(given["select"], given["ignore"])
    found = target_of(service or "", given, "doctor")
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
