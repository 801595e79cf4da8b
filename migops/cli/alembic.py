"""``migops alembic``: Alembic in the service's container, with its own arguments, output and exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from migops.cli.options import FILES, NAMES, compose_options_of, option
from migops.errors import MigopsError

TAKING_A_VALUE = frozenset({"--file", "--project-name", "--env-file", "--profile", "--project-directory", "--service"})
FLAGS = frozenset({"--yes", "--help"})


def cut(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part migops's own long options from the words that are Alembic's: from the first other word on, all of them."""
    position = 0
    while position < len(arguments):
        name, equals, _ = arguments[position].partition("=")
        if name in TAKING_A_VALUE:
            position += 1 if equals else 2
        elif arguments[position] in FLAGS:
            position += 1
        else:
            break
    return list(arguments[:position]), list(arguments[position:])


class Cut(click.Command):
    """A command that shows click none of Alembic's arguments: it would take ``-q`` and ``--`` for its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours, theirs = cut(args)
        super().parse_args(ctx, ours)
        ctx.params["arguments"] = tuple(theirs)
        return []

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "ALEMBIC'S ARGUMENTS..."]


@click.command("alembic", cls=Cut, context_settings={"help_option_names": ["--help"]})
@option("--service", metavar="SERVICE", default="", help="The service (default: the only one with migrations).")
@option("--file", "files", multiple=True, type=FILES, metavar="FILE", help="Compose file (repeatable).")
@option("--project-name", metavar="NAME", help="Compose project name.")
@option("--env-file", "env_files", multiple=True, type=FILES, metavar="FILE", help="Environment file (repeatable).")
@option("--profile", "profiles", multiple=True, type=NAMES, metavar="NAME", help="Enable a profile (repeatable).")
@option("--project-directory", metavar="DIR", help="Base of relative paths in the compose files.")
@option("--yes", is_flag=True, help="Ask nothing, for scripts.")
def alembic(arguments: tuple[str, ...], **given: Any) -> int:
    """Run Alembic in SERVICE's container, or in a one-off one of its current image where that is not current.

    Output and exit code are Alembic's own. Only the options below, in their long form and before Alembic's first word,
    are migops's; all that follows is Alembic's. A failure that migops knows is explained on standard error.

    \b
    migops alembic current
    migops alembic upgrade head --sql > upgrade.sql
    migops alembic -x tenant=f revision --autogenerate -m "Add a price"
    migops alembic -h                                   Alembic's own help
    """
    from migops import survey, target
    from migops.engine import connect
    from migops.runner import words
    from migops.runner.run import Run

    if not arguments:
        raise MigopsError("say what Alembic shall do", hint="migops alembic current; or migops alembic --help")
    found = target.resolve(target.Wanted(service=given["service"]), compose_options_of(given), os.environ, Path.cwd())
    found = words.aimed(found, arguments, survey.host_cwd(survey.Survey(found)))
    with connect() as engine:
        result = Run(found, arguments, engine, say).run()
        if result.child and not result.stopped:
            from migops.failures import explain  # and with it all the rules: only a failure pays for them

            for line in explain(result.output, found, engine, arguments):
                say(line, plain=True)
    return result.code


def say(line: str, *, plain: bool = False) -> None:
    """A line of ours on standard error, told from Alembic's by its beginning."""
    from migops.formats.terminal import printable

    click.echo(printable(line) if plain else f"migops: {printable(line)}", err=True)
