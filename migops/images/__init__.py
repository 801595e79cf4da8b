"""Images from any source: one ``open_image``, one module per source, the same answer for the same content."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from migops.core.errors import Unavailable
from migops.core.image_source import DAEMON
from migops.images.image import History, Image, ImageConfig, identity

if TYPE_CHECKING:  # the readers are imported only for the image that is opened
    from migops.docker import Engine

__all__ = ["History", "Image", "ImageConfig", "identity", "open_image"]


def open_image(ref: str, *, engine: Callable[[], Engine]) -> AbstractContextManager[Image]:
    """Open the image that ``[SCHEME:]LOCATION[:NAME]`` names, see ``images.reference``.

    ``engine`` is called only if the reference names an image of the Docker Engine; the caller closes it.
    Raises ``MigopsError`` for an invalid reference, ``Unavailable`` if the image cannot be read.
    """
    from migops.images.reference import parse_reference

    if "${" in ref:  # as the compose project has it where a required variable is not set
        hint = "set the variable, or name the image: --image REF"
        raise Unavailable(f"the image is unknown: its name in the compose file is {ref}", hint=hint)
    reference = parse_reference(ref)
    if reference.scheme == DAEMON:
        from migops.images.daemon import open_daemon

        return open_daemon(reference, engine)
    if reference.scheme == "oci":
        from migops.images.oci import open_oci

        return open_oci(reference)
    from migops.images.archive import open_archive

    return open_archive(reference)
