"""``migops config``: the compose project as migops, and ``docker compose``, read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options, compose_options_of, format_option, option, output_option
from migops.core.errors import ExitCode, MigopsError

if TYPE_CHECKING:
    from migops.compose import ComposeOptions, Project


@click.command("config")
@format_option("json", "yaml")
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
    from migops.cli.output import put
    from migops.compose import load

    asked = [name for name, value in (("--explain", given["path"]), ("--verify", given["verify"])) if value]
    asked += [f"--{given['names']}"] if given["names"] else []
    if len(asked) > 1:
        raise MigopsError(f"{' and '.join(asked)} cannot be combined", hint="use one at a time")
    options = compose_options_of(given)
    project = load(options, os.environ, interpolate=not given["no_interpolate"], consistent=not given["no_consistency"])
    for warning in project.warnings:
        click.echo(f"warning: {warning}", err=True)
    text, code = _verified(project, options) if given["verify"] else (_shown(project, given), ExitCode.CLEAN)
    if text and not given["quiet"]:
        put(f"{text}\n", given["output"])
    return int(code)


def _shown(project: Project, given: dict[str, Any]) -> str:
    from migops.compose import render

    if given["path"] is not None:
        return _explained(project, given["path"])
    if given["names"]:
        names = {"services": render.service_names, "images": render.image_names, "volumes": render.volume_names}
        return "\n".join(names[given["names"]](project))
    return render.to_yaml(project) if given["format_"] == "yaml" else render.to_json(project)


def _explained(project: Project, path: str) -> str:
    import json

    from migops.compose.explain import explain
    from migops.core.terminal import printable

    lines = []
    for origin in explain(project.tree, path):
        value = json.dumps(origin.value, ensure_ascii=False, default=str)
        lines += [printable(f"{origin.path} = {value}"), f"    from     {_place(origin.location, project)}"]
        lines += [f"    replaces {_place(location, project)}" for location in origin.replaced]
    return "\n".join(lines)


def _place(location: object, project: Project) -> str:
    from migops.core.terminal import printable

    return printable(str(location).removeprefix(f"{project.directory}/"))


def _verified(project: Project, options: ComposeOptions) -> tuple[str, ExitCode]:
    """The differences to docker compose, in words, and the exit code."""
    from migops.compose.verify import find_compose, verify
    from migops.core.terminal import printable

    found = verify(project, options, Path.cwd(), find_compose())
    if not found:
        return "docker compose and migops read this project in the same way", ExitCode.CLEAN
    lines = []
    for one in found:
        note = "" if one.matters else "   (migops does not use it)"
        lines += [
            f"{'.'.join(one.path)}{note}",
            f"    migops:  {one.ours if one.ours is not None else '(missing)'}",
            f"    compose: {one.theirs if one.theirs is not None else '(missing)'}",
        ]
    matters = any(one.matters for one in found)
    return "\n".join(map(printable, lines)), ExitCode.FINDINGS if matters else ExitCode.CLEAN
