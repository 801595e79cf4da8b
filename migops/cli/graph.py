"""``migops graph``: the revision graph of the host's migrations, drawn or as data, however broken it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import (
    LINES,
    color_option,
    compose_options,
    compose_options_of,
    format_option,
    option,
    output_option,
)
from migops.errors import ExitCode, MigopsError

if TYPE_CHECKING:
    from migops.formats.graph import Drawing
    from migops.history.problem import Problem


@click.command("graph")
@click.argument("service", required=False)
@compose_options
@option("-c", "--config", metavar="FILE", help="alembic.ini or pyproject.toml [default: those of the current folder].")
@option("-n", "--name", default="", metavar="SECTION", help="Section of the ini file [default: alembic].")
@option(
    "--set", "settings", multiple=True, type=LINES, metavar="OPTION=VALUE",
    help="An option that the application's code sets, such as script_location (repeatable).",
)
@option("--fail-on", type=click.Choice(["error", "warning", "info"]), help="Exit with 1 on problems this bad.")
@format_option("text", "json", "mermaid")
@output_option
@color_option
def graph(service: str | None, config: str | None, name: str, settings: Sequence[str], **given: Any) -> int:
    """Draw the revision graph of SERVICE, or of a configuration file; broken histories are drawn too.

    \b
    Exit codes: 0 drawn, 1 problems (with --fail-on), 2 bad input, 3 there is nothing to draw
    """
    from migops.cli.output import show
    from migops.drawing import draw
    from migops.formats.graph import render

    if service is None:
        cwd = os.getcwd()  # noqa: PTH109 - as it is, links unresolved
        drawing = draw(config, name or "alembic", cwd, _settings(settings))
    else:
        drawing = _of_service(service, config or "", name, given)
    show(lambda view: render(drawing, given["format_"], view.color, view.width), given)
    if not drawing.graph.revisions:
        return int(ExitCode.NO_VERDICT)
    return int(ExitCode.FINDINGS if _fails(drawing.problems, given["fail_on"]) else ExitCode.CLEAN)


def _of_service(service: str, config: str, section: str, given: Mapping[str, Any]) -> Drawing:
    """The history of the service's migrations on the host, as check-image reads it."""
    from migops import survey, target
    from migops.drawing import of_environment

    wanted = target.Wanted(service=service, config=config, section=section, needs_image=False)
    found = target.resolve(wanted, compose_options_of(given), os.environ, Path.cwd())
    return of_environment(survey.host(found))


def _settings(given: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise MigopsError(f"--set takes OPTION=VALUE, not {wrong[0]!r}", hint="--set script_location=migrations")
    return {name: value for name, _, value in pairs}


def _fails(problems: Sequence[Problem], level: str | None) -> bool:
    warnings = {"MIG305"}
    return any(level in ("warning", "info") or (level and each.rule not in warnings) for each in problems)
