"""``migops layers``: every file of an image below a path, with the layer and the instruction that put it there."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from migops.cli.options import format_option, option, output_option, timeout_option
from migops.core.errors import ExitCode, Unavailable

WIDEST = 110  # columns; wider lines would only part names from sizes


@click.command("layers")
@click.argument("image_ref", metavar="IMAGE")
@click.argument("path", required=False)
@option("--base", metavar="IMAGE", default="", help="The image in the Dockerfile's FROM, to identify the base layers.")
@timeout_option
@format_option("text", "json")
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
    from migops.docker import connect
    from migops.images import identity, open_image
    from migops.images.layers import attribute_tree
    from migops.images.merge import clean
    from migops.output import layers as formats

    with ExitStack() as stack:
        image = stack.enter_context(
            open_image(image_ref, engine=lambda: stack.enter_context(connect(given["timeout"])))
        )
        folder = clean(f"{image.config.working_dir}/{path or ''}" if not (path or "").startswith("/") else path or "/")
        found = attribute_tree(image, [folder], base=given["base"])
        shown = identity(image)
    if not found.files:
        raise Unavailable(f"the image {image_ref} has no files at {folder}", hint="use / to list all its files")
    if given["format_"] == "json":
        show(lambda view: formats.render_json(shown, found), given)
    else:
        show(
            lambda view: formats.render_text(
                shown, found, folder, width=min(view.width, WIDEST), everything=view.verbose
            ),
            given,
        )
    return int(ExitCode.CLEAN)
