"""``migops check-image``: the gate before a deploy, and the step after ``docker build``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

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
    timeout_option,
)
from migops.cli.resolving import answer, check_together, pairs, resolve, silenced

if TYPE_CHECKING:
    from migops.core.errors import ExitCode
    from migops.core.model import Report
    from migops.docker import Engine
    from migops.rules.rule import Rule
    from migops.target import Target


@click.command("check-image")
@click.argument("service", required=False, envvar="MIGOPS_SERVICE")
@image_option
@context_options
@host_dir_option
@configuration_options
@option("--all-files", is_flag=True, help="Compare every file that the build copies, not only migrations.")
@option("--no-engine", is_flag=True, help="Check only what a build would do: no image, no Docker.")
@timeout_option
@compose_options
@rule_options
@output_options("check-image")
def check_image(service: str | None, **given: Any) -> int:
    """Compare the migrations in SERVICE's image with the host's, and print the command that fixes it.

    \b
    migops check-image                               the only service with migrations
    migops check-image -f docker-compose.prod.yml app
    migops check-image --image app:$SHA --context .  after docker build, no compose file
    migops check-image --no-engine                   before anything is built

    Read-only: nothing is started, pulled or executed.

    \b
    Exit codes: 0 clean, 1 findings, 2 bad input, 3 no verdict
    """
    from migops import target

    check_together(given)
    silenced(given)  # report a misspelt one before anything is read
    if given["select"] or given["ignore"]:
        _rules(given)  # report a misspelt one before anything is read
    wanted = target.Wanted(
        service=service or "",
        **{key: given[key] for key in ("image", "context", "dockerfile", "stage", "host_dir", "config", "section")},
        build_args=pairs(given["build_args"]),
        needs_image=not given["no_engine"],
    )
    resolved = resolve(wanted, given)
    left_out = silenced(given, resolved)
    ignored = (*given["ignore"], *(entry.rule for entry in left_out))

    def judge(target: Target) -> Report:
        return replace(_report(target, {**given, "ignore": ignored}), silenced=left_out)

    def code(result: Report) -> ExitCode:
        return EXIT[result.verdict.value]

    return answer("check-image", resolved, wanted, given, judge, code)


def _report(target: Target, given: Mapping[str, Any]) -> Report:
    from migops import collect
    from migops.core.model import PlaceName, Severity, Unknown
    from migops.output import modules

    no_engine = given["no_engine"]
    with ExitStack() as stack:

        def engine() -> Engine:
            """Connect on first use only: an archive needs no engine."""
            from migops.docker import connect

            connected = stack.enter_context(connect(given["timeout"]))
            import_meanwhile("migops.commands.check", *modules("check-image", given["format_"]))
            return connected

        evidence = collect.check(target, None if no_engine else engine, all_files=given["all_files"])
    needed = [PlaceName.HOST, PlaceName.CONTEXT if no_engine else PlaceName.IMAGE]
    if isinstance(evidence.chain.places.get(PlaceName.CONTAINER), Unknown):
        needed.append(PlaceName.CONTAINER)  # there may be none, but one that is there must be read
    from migops.commands import check

    needed = check.required(evidence, needed, PlaceName.CONTAINER)
    return check.make("check-image", target, evidence, _rules(given), Severity(given["fail_on"]), needed)


def _rules(given: Mapping[str, Any]) -> tuple[Rule, ...]:
    from migops import rules

    return rules.chosen(given["select"], given["ignore"], "check-image")


def import_meanwhile(*modules: str) -> None:
    """Import modules in a thread while the engine answers; an import of the same module waits for it."""
    Thread(target=lambda: [importlib.import_module(module) for module in modules], daemon=True).start()
