"""``migops doctor``: every rule, for the whole chain and the project's own files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from migops.cli.fix_options import WithFix, fix_options
from migops.cli.options import (
    EXIT,
    compose_options,
    configuration_options,
    context_options,
    host_dir_option,
    image_option,
    option,
    output_options,
    rule_options,
)
from migops.cli.resolving import answer, check_together, resolve, silenced
from migops.cli.status import check_drift, database_options, drift_option, wanted_of

if TYPE_CHECKING:
    from migops.core.errors import ExitCode
    from migops.core.model import Report
    from migops.target import Target


@click.command("doctor", cls=WithFix)
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
@fix_options
@compose_options
@rule_options
@output_options("doctor")
def doctor(service: str | None, **given: Any) -> int:
    """Run every check on SERVICE (the whole chain, config, code and compose file), and print one plan.

    The plan has the steps in the order of doing, each one command or one edit. Warnings are a line each; -v shows
    every finding in full.

    \b
    migops doctor                            the only service with migrations
    migops doctor app --fail-on warning
    migops doctor --select MIG6 --select MIG8
    migops doctor --fix                      edit files: diff, question, checks
    migops doctor --fix MIG108               what is edited only by name, too

    Without --fix and --undo, nothing is changed. Exit codes are those of check-image; also 3 if there is
    a database that could not be read. --no-engine without --database-url checks only the files, without a
    database. With --fix: 0 fixed, 1 findings remain, 5 nothing was changed, 6 a check failed and all files
    were put back, 7 a file could not be put back.
    """
    if given["fix"] or given["undo"]:
        from migops.cli import fix

        return fix.undo(service, given) if given["undo"] else fix.run(service, given)
    from migops import rules
    from migops.collect.database_query import Ask
    from migops.commands import diagnosis
    from migops.commands.fix.plan import safe_rules
    from migops.core.model import Severity
    from migops.docker import connect

    check_together(given)
    silenced(given)  # report a misspelt one before anything is read
    rules.chosen(given["select"], given["ignore"])
    wanted = wanted_of(service or "", given, "doctor")
    resolved = resolve(wanted, given)
    left_out = silenced(given, resolved)
    chosen = rules.chosen(given["select"], (*given["ignore"], *(entry.rule for entry in left_out)))
    check_drift(given)

    def judge(target: Target) -> Report:
        with ExitStack() as stack:
            engine = None if given["no_engine"] else lambda: stack.enter_context(connect(given["timeout"]))
            ask = Ask(given["database_url"], given["timeout"], given["wait"])
            access = diagnosis.Access(engine, ask, given["drift"], safe_rules)
            result = diagnosis.doctor(target, access, chosen, Severity(given["fail_on"]))
        return replace(result, silenced=left_out)

    def code(result: Report) -> ExitCode:
        return EXIT[result.verdict.value]

    return answer("doctor", resolved, wanted, given, judge, code)
