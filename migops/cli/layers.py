"""``migops layers``: every file of an image below a path, with the layer and the instruction that put it there."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from migops.cli.options import format_option, option, output_option, timeout_option
from migops.core.errors import ExitCode


@click.command("layers")
@click.argument("image_ref", metavar="IMAGE")
@click.argument("path", required=False)
@option("--base", metavar="IMAGE", default="", help="The image in the Dockerfile's FROM, to identify the base layers.")
@timeout_option
@format_option("layers")
@output_option
@option("-v", "--verbose", is_flag=True, help="Show all files of each layer.")
def layers(image_ref: str, path: str | None, **given: Any) -> int:
    """Show which layer and instruction put each file into IMAGE, at and below PATH.

    PATH is absolute, or relative to the image's working directory, which is the default. IMAGE may also be
    docker-archive:FILE, oci-archive:FILE or oci:DIR.

    \b
    migops layers app:latest
    migops layers app:latest /app/migrations/versions --format json
    """
    from migops.cli.output import show
    from migops.commands.layers import find
    from migops.docker import connect

    with ExitStack() as stack:
        result = find(image_ref, path or "", given["base"], lambda: stack.enter_context(connect(given["timeout"])))
    show("layers", result, given)
    return int(ExitCode.CLEAN)
