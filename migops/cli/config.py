"""``migops config``: the compose project, as migops and ``docker compose`` read it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options, compose_options_of, format_option, option, output_option
from migops.cli.resolving import tell
from migops.core.errors import ExitCode, MigopsError

if TYPE_CHECKING:
    from migops.compose import ComposeOptions, Project


@click.command("config")
@format_option("config")
@option("--explain", "path", metavar="PATH", help="Show where the values at PATH come from and what they override.")
@option("--verify", is_flag=True, help="Also run `docker compose config`, and print the differences.")
@option("--no-interpolate", is_flag=True, help="Do not interpolate variables.")
@option("--no-consistency", is_flag=True, help="Accept an incomplete project, such as an override file alone.")
@option("--services", "names", flag_value="services", help="Print the names of the services.")
@option("--images", "names", flag_value="images", help="Print the images of the services.")
@option("--volumes", "names", flag_value="volumes", help="Print the keys of the volumes in use.")
@output_option
@option("-q", "--quiet", is_flag=True, help="Only check the files; print only errors.")
@compose_options
def config(**given: Any) -> int:
    """Print the compose model, resolved as docker compose resolves it.

    \b
    migops config --explain services.app.volumes  file and line of each value
    migops config --verify                        compare with `docker compose config`
    """
    from migops.cli.output import put, view_of
    from migops.compose import EnvFiles
    from migops.output import render
    from migops.target.resolve import load_project

    asked = [name for name, value in (("--explain", given["path"]), ("--verify", given["verify"])) if value]
    asked += [f"--{given['names']}"] if given["names"] else []
    if len(asked) > 1:
        raise MigopsError(f"{' and '.join(asked)} cannot be combined", hint="use one at a time")
    options = compose_options_of(given)
    # As in compose, lists of names do not depend on env files, and the document does. Origins are for reading.
    env_files = EnvFiles.IGNORED if given["names"] else EnvFiles.OPTIONAL if given["path"] else EnvFiles.REQUIRED
    project, options, _, notice = load_project(
        "config", options, os.environ, Path.cwd(),
        interpolate=not given["no_interpolate"], consistent=not given["no_consistency"], env_files=env_files,
    )  # fmt: skip
    tell([notice] if notice else ())
    for warning in (*project.warnings, *project.notices):
        click.echo(f"warning: {warning}", err=True)
    answer, result, code = _answer(project, options, given)
    text = render(answer, result, view_of(given), given["format_"] if answer == "config" else None)
    if text and not given["quiet"]:
        put(text, given["output"])
    return int(code)


def _answer(project: Project, options: ComposeOptions, given: Mapping[str, Any]) -> tuple[str, object, ExitCode]:
    """The answer that the options ask for, its result, and the exit code."""
    from migops.commands import config

    if given["verify"]:
        verification = config.verify(project, options)
        return "config --verify", verification, ExitCode.FINDINGS if verification.matters else ExitCode.CLEAN
    if given["path"] is not None:
        return "config --explain", config.explain(project, given["path"]), ExitCode.CLEAN
    return f"config --{given['names']}" if given["names"] else "config", project, ExitCode.CLEAN
