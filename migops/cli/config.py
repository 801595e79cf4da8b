"""``migops config``: the compose project as migops, and ``docker compose``, read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options, option
from migops.errors import ExitCode

if TYPE_CHECKING:
    from migops.compose import ComposeOptions, Project


@click.command("config")
@option(
    "--format", "format_", type=click.Choice(["json", "yaml"]), default="json", show_default=True,
    help="The form of the document.",
)  # fmt: skip
@click.option("--explain", "path", metavar="PATH", help="Say where the values at PATH come from and what they replace.")
@click.option("--verify", is_flag=True, help="Run `docker compose config` too, and print what it reads otherwise.")
@click.option("--no-interpolate", is_flag=True, help="Leave variables as they are.")
@click.option("--no-consistency", is_flag=True, help="Accept a fragment that is no project by itself.")
@click.option("--services", "names", flag_value="services", help="Print the names of the services.")
@click.option("--images", "names", flag_value="images", help="Print the images of the services.")
@click.option("--volumes", "names", flag_value="volumes", help="Print the keys of the volumes in use.")
@option("--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE instead of standard output.")
@option("-q", "--quiet", is_flag=True, help="Only check the files; print nothing but errors.")
@compose_options
def config(**given: Any) -> int:
    """Print the compose model, resolved as docker compose resolves it.

    \b
    migops config --explain services.app.volumes     which file and line each value comes from
    migops config --verify                           the differences to docker compose's own reading
    """
    from migops.compose import ComposeOptions, load

    options = ComposeOptions(
        given["files"], given["project_name"] or "", given["env_files"], given["profiles"],
        given["project_directory"] or "",
    )  # fmt: skip
    project = load(
        options, os.environ, interpolate=not given["no_interpolate"], consistent=not given["no_consistency"]
    )
    for warning in project.warnings:
        click.echo(f"warning: {warning}", err=True)
    if given["verify"]:
        return _verify(project, options)
    if not given["quiet"]:
        _print(_shown(project, given), given["output"])
    return int(ExitCode.CLEAN)


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
    from migops.formats.terminal import printable

    lines = []
    for origin in explain(project.tree, path):
        value = json.dumps(origin.value, ensure_ascii=False, default=str)
        lines += [printable(f"{origin.path} = {value}"), f"    from     {_place(origin.location, project)}"]
        lines += [f"    replaces {_place(location, project)}" for location in origin.replaced]
    return "\n".join(lines)


def _place(location: object, project: Project) -> str:
    from migops.formats.terminal import printable

    return printable(str(location).removeprefix(f"{project.directory}/"))


def _verify(project: Project, options: ComposeOptions) -> int:
    from migops.compose.verify import find_compose, verify
    from migops.formats.terminal import printable

    found = verify(project, options, Path.cwd(), find_compose())
    for one in found:
        note = "" if one.matters else "   (migops does not use it)"
        click.echo(printable(f"{'.'.join(one.path)}{note}"))
        click.echo(printable(f"    migops:  {one.ours if one.ours is not None else 'not there'}"))
        click.echo(printable(f"    compose: {one.theirs if one.theirs is not None else 'not there'}"))
    if not found:
        click.echo("docker compose reads the project as migops does")
    return int(ExitCode.FINDINGS if any(one.matters for one in found) else ExitCode.CLEAN)


def _print(text: str, output: str | None) -> None:
    if output:
        Path(output).write_text(text + "\n", encoding="utf-8")
    elif text:
        click.echo(text)
