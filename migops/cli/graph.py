"""``migops graph``: the revision graph of the host's migrations, drawn or as data, however broken it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import (
    LINES,
    color_option,
    compose_options,
    format_option,
    option,
    output_option,
)
from migops.cli.resolving import by_default, resolve, tell
from migops.cli.status import database_options
from migops.core.errors import ExitCode, MigopsError

if TYPE_CHECKING:
    from migops.commands.graph import GraphResult
    from migops.migrations.problem import Problem


@click.command("graph")
@click.argument("service", required=False)
@database_options
@option("--no-engine", is_flag=True, help="With SERVICE: do not use Docker; read only what is reachable without it.")
@compose_options
@option("-c", "--config", metavar="FILE", help="alembic.ini or pyproject.toml (default: auto-detected).")
@option("-n", "--name", default="", metavar="SECTION", help="Section of the ini file (default: alembic).")
@option(
    "--set",
    "settings",
    multiple=True,
    type=LINES,
    metavar="OPTION=VALUE",
    help="Option that the application sets in code, such as script_location (repeatable).",
)
@option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    help="Exit with 1 if there is a problem of this severity or worse.",
)
@format_option("graph")
@output_option
@color_option
def graph(service: str | None, config: str | None, name: str, settings: Sequence[str], **given: Any) -> int:
    """Draw the revision graph of SERVICE, or of a configuration file, even if the history is broken.

    Without both, the file is the one in the current folder, or else the one that check-image finds.

    With SERVICE, all places are read as by `migops status`, and each revision is marked with the places that have it
    and its state in the database.

    \b
    Exit codes: 0 drawn, 1 problems (with --fail-on), 2 bad input, 3 nothing to
    draw
    """
    from migops.cli.output import show
    from migops.collect.drawing import NothingHere, draw
    from migops.commands.graph import GraphResult

    if service is None:
        _refuse_what_needs_a_service()
        cwd = os.getcwd()  # noqa: PTH109 - as it is, links unresolved
        try:
            result = GraphResult(draw(config, name or "alembic", cwd, _settings(settings)))
        except NothingHere as error:
            result = _of_the_project(name, given, error)
    else:
        result = _of_service(service, config or "", name, given)
    show("graph", result, given)
    if not result.graph.revisions:
        return int(ExitCode.NO_VERDICT)
    return int(ExitCode.FINDINGS if _fails(result.drawing.problems, given["fail_on"]) else ExitCode.CLEAN)


def _of_service(service: str, config: str, section: str, given: Mapping[str, Any]) -> GraphResult:
    from migops import target
    from migops.collect.database_query import Ask
    from migops.commands.graph import of_service
    from migops.docker import connect

    wanted = target.Wanted(
        service=service, config=config, section=section, needs_image=False, command="graph",
        database_url=given["database_url"] or "",
    )  # fmt: skip
    resolved = resolve(wanted, given)
    ask = Ask(given["database_url"], given["timeout"], given["wait"])
    with ExitStack() as stack:
        engine = None if given["no_engine"] else lambda: stack.enter_context(connect(given["timeout"]))
        return of_service(resolved, engine, ask)


def _of_the_project(section: str, given: Mapping[str, Any], error: MigopsError) -> GraphResult:
    """The history that check-image compares, if this folder has no configuration: that of the host alone."""
    from migops import collect, target
    from migops.collect.drawing import of_environment
    from migops.commands.graph import GraphResult
    from migops.compose import NoComposeFile

    service = by_default("usual_service") or ""
    wanted = target.Wanted(service=service, section=section, needs_image=False, command="graph")
    try:
        resolved = resolve(wanted, given)
    except NoComposeFile as missing:
        raise (missing if missing.found else error) from None
    tell([f"no configuration in the current folder; drawing {resolved.config}, of service {resolved.service}"])
    return GraphResult(of_environment(collect.host(resolved)))


def _refuse_what_needs_a_service() -> None:
    """Refuse typed options that have no effect; environment variables are for all commands."""
    context = click.get_current_context()
    for parameter in context.command.params:
        is_typed = context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
        if is_typed and parameter.name in ("no_engine", "database_url", "wait", "timeout"):
            raise MigopsError(
                f"{parameter.opts[0]} needs a SERVICE: without one, only the configuration file's history is drawn",
                hint="name the service, or omit the option",
            )


def _settings(given: Sequence[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in given]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise MigopsError(f"--set must be OPTION=VALUE, not {wrong[0]!r}", hint="--set script_location=migrations")
    return {name: value for name, _, value in pairs}


def _fails(problems: Sequence[Problem], level: str | None) -> bool:
    warnings = {"MIG305"}
    return any(level in ("warning", "info") or (level and problem.rule not in warnings) for problem in problems)
