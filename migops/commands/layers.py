"""Finds the layer and the instruction that left each file of an image."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from migops.core.errors import Unavailable
from migops.core.model import Entry, EntryKind, ImageIdentity
from migops.core.text import with_hint
from migops.docker import Engine, ImageNotFound
from migops.images import identity, open_image
from migops.images.layers import Attribution, attribute_tree
from migops.images.merge import clean


@dataclass(frozen=True, slots=True)
class LayersResult:
    """The files of ``image`` at and below ``path``, each with its layer."""

    image: ImageIdentity
    path: str
    attribution: Attribution

    @property
    def files(self) -> dict[str, Entry]:
        """The files by path, without the folders."""
        entries = self.attribution.files.items()
        return {path: entry for path, entry in entries if entry.kind is not EntryKind.DIRECTORY}


def _tags(engine: Engine) -> list[str]:
    """The names of the engine's images."""
    return [str(tag) for image in engine.images() for tag in image.get("RepoTags") or ()]


def find(reference: str, path: str, base: str, engine: Callable[[], Engine]) -> LayersResult:
    """Attribute the files at and below ``path``; a relative one begins at the image's working directory.

    ``base`` names the image of the Dockerfile's FROM, or is ''. Raises ``Unavailable`` if the path has no file.
    """
    with ExitStack() as stack:
        try:
            image = stack.enter_context(open_image(reference, engine=engine))
        except ImageNotFound as error:
            error.hint = with_hint(reference, _tags(engine()), error.hint)
            raise
        folder = clean(path if path.startswith("/") else f"{image.config.working_dir}/{path}")
        attribution = attribute_tree(image, [folder], base=base)
        result = LayersResult(identity(image), folder, attribution)
    if not attribution.files:
        raise Unavailable(f"the image {reference} has no files at {folder}", hint="use / to list all its files")
    return result
