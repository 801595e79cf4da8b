"""Options that several commands share, declared once. Each can be set by a ``MIGOPS_*`` environment variable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from migops.compose import ComposeOptions

Command = TypeVar("Command", bound=Callable[..., Any])


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """A click option mirrored by an environment variable: ``--fail-on`` by ``MIGOPS_FAIL_ON``."""
    long = next(name for name in names if name.startswith("--"))
    variable = "MIGOPS_" + long.split("/")[0].removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, **settings)


def compose_options(command: Command) -> Command:
    """-f, -p, --env-file, --profile and --project-directory, as ``docker compose`` has them."""
    for add in reversed((
        option("-f", "--file", "files", multiple=True, metavar="FILE", help="Compose file (repeatable)."),
        option("-p", "--project-name", metavar="NAME", help="Compose project name."),
        option("--env-file", "env_files", multiple=True, metavar="FILE", help="Environment file (repeatable)."),
        option("--profile", "profiles", multiple=True, metavar="NAME", help="Enable a profile (repeatable)."),
        option("--project-directory", metavar="DIR", help="Base of relative paths in the compose files."),
    )):
        command = add(command)
    return command


def compose_options_of(given: Mapping[str, Any]) -> ComposeOptions:
    """What ``compose_options`` collected, as the loader takes it."""
    from migops.compose import ComposeOptions

    return ComposeOptions(
        given["files"], given["project_name"] or "", given["env_files"], given["profiles"],
        given["project_directory"] or "",
    )  # fmt: skip


def rule_options(command: Command) -> Command:
    """--select, --ignore and --fail-on: which rules are judged, and which findings make exit code 1."""
    add = option(
        "--fail-on", type=click.Choice(["error", "warning", "info"]), default="error", show_default=True,
        help="The lowest severity that makes the exit code 1.",
    )
    return select_options(add(command))


def select_options(command: Command) -> Command:
    """--select and --ignore: which rules are judged."""
    for add in reversed((
        option("--select", multiple=True, metavar="RULE", help="Judge only these rules (id, prefix or name)."),
        option("--ignore", multiple=True, metavar="RULE", help="Leave these rules out (id, prefix or name)."),
    )):
        command = add(command)
    return command


def output_options(*formats: str) -> Callable[[Command], Command]:
    """--format (the first one given is the default), --output, --no-color, -v and -q."""

    def decorate(command: Command) -> Command:
        for add in reversed((
            option(
                "--format", "format_", type=click.Choice(formats), default=formats[0], show_default=True,
                help="Output format.",
            ),
            option(
                "--output", type=click.Path(dir_okay=False), metavar="FILE",
                help="Write to FILE instead of standard output.",
            ),
            option("--no-color", is_flag=True, help="No colours, even on a terminal (NO_COLOR works too)."),
            option("-v", "--verbose", is_flag=True, help="Show every fact a finding rests on."),
            option("-q", "--quiet", is_flag=True, help="Print only the verdict."),
        )):
            command = add(command)
        return command

    return decorate
