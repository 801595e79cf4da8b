"""Layer attribution: for each file of an image, its layer and the instruction that created the layer.

The history in an image's configuration lists the build's steps; those that are not empty created the layers, in order.
A file belongs to the topmost layer that has it. The layer folders of a local engine are used if they are readable;
otherwise the image is streamed once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migops.core import progress
from migops.core.errors import Unavailable
from migops.core.model import Entry, Unknown
from migops.images import overlay
from migops.images.base import Base, find_base
from migops.images.daemon import DaemonImage
from migops.images.image import History, Image, ImageConfig, Layer, parse_config
from migops.images.layer import Delta, Wanted
from migops.images.layered import LayeredImage
from migops.images.manifest import read_docker, read_oci
from migops.images.merge import Answer, Scan, clean, read_merged
from migops.images.scan import scan_archive
from migops.images.tar import TarReader


@dataclass(frozen=True, slots=True)
class Attribution:
    """The layers of an image, and the layer of each requested file."""

    layers: tuple[Layer, ...]  # all steps of the image, first to last
    files: dict[str, Entry]  # the entries at and below the requested paths
    layer_of: dict[str, Layer | Unknown]  # by path
    base: Base  # the evidence for the layers' ``base``


def attribute(image: Image, paths: Iterable[str], *, base: str = "") -> dict[str, Layer | Unknown]:
    """The layer of each path itself (of a link, not of its target), or the reason why it is unknown.

    ``base`` is the image name in the Dockerfile's FROM, if it is known.
    """
    asked = list(paths)
    layers = _attribute(image, asked, base, follow=False).layer_of
    return {path: layers.get(clean(path), Unknown("the image has no such path")) for path in asked}


def attribute_tree(image: Image, paths: Iterable[str], *, base: str = "") -> Attribution:
    """Attribute everything at and below the paths. Raises ``Unavailable`` if the image cannot be read at all."""
    return _attribute(image, list(paths), base, follow=True)


def _attribute(image: Image, asked: Sequence[str], base: str, *, follow: bool) -> Attribution:
    if isinstance(image, DaemonImage):
        config, answer, unknown = _of_daemon(image, asked, follow)
        history_base = find_base(config.history, config.diff_ids, image.engine, image.inspected, base)
    elif isinstance(image, LayeredImage):
        config = image.config
        answer, unknown = _merged(image.scan, asked, follow)
        history_base = find_base(config.history, config.diff_ids, None, {}, base)
    else:
        raise Unavailable(f"migops cannot read the layers of {image.ref}")
    files = image.read(asked) if unknown else answer.entries
    layers = _layers(config, history_base)
    made = [layer for layer in layers if not layer.empty]
    of = {path: _layer(path, entry, answer, made, unknown) for path, entry in files.items()}
    return Attribution(tuple(layers), files, of, history_base)


def _layer(
    path: str, entry: Entry, answer: Answer, made: Sequence[Layer], unknown: Mapping[int, str]
) -> Layer | Unknown:
    """The layer of an entry. An unreadable layer may contain anything: only entries above all of them are certain."""
    origin = answer.origin.get(path, -1)
    for index in sorted(unknown, reverse=True):
        if index > origin:
            return Unknown(unknown[index])
    merged = answer.entries.get(path)
    if merged is None or (merged.sha256, merged.kind) != (entry.sha256, entry.kind):
        return Unknown("the layers and the image's files do not fit together")
    return made[origin]


def _layers(config: ImageConfig, base: Base) -> list[Layer]:
    """The steps with their layers' digests; the layers alone if the history does not match them."""
    history: Sequence[History] = config.history
    if sum(not step.empty for step in history) != len(config.diff_ids):
        history = [History() for _ in config.diff_ids]
        base = Base(None, "")
    digests = iter(config.diff_ids)
    return [
        Layer(
            index=index,
            diff_id="" if step.empty else next(digests),
            created_by=step.created_by,
            created=step.created,
            empty=step.empty,
            base=None if base.steps is None else index < base.steps,
            comment=step.comment,
        )
        for index, step in enumerate(history)
    ]


def _merged(scan: Scan, paths: Sequence[str], follow: bool) -> tuple[Answer, dict[int, str]]:
    """The merged answer, and the layers that could not be read, with the reason."""
    unknown: dict[int, str] = {}

    def noting(wanted: Wanted) -> Sequence[Delta]:
        deltas = scan(wanted)
        unknown.update({index: delta.unknown for index, delta in enumerate(deltas) if delta.unknown})
        return deltas

    return read_merged(noting, paths, follow=follow), unknown


def _of_daemon(image: DaemonImage, paths: Sequence[str], follow: bool) -> tuple[ImageConfig, Answer, dict[int, str]]:
    """Read through the layer folders if they are readable, else through one pass over the image's stream."""
    if image.engine.is_local:
        with contextlib.suppress(overlay.NotReadable):
            folders = overlay.find(image.inspected)
            answer, unknown = _merged(folders.scan, paths, follow)
            return parse_config(folders.config), answer, unknown
    saved = SavedImage(image)
    answer, unknown = _merged(saved.scan, paths, follow)
    return saved.config, answer, unknown


class SavedImage:
    """An image of the engine as the stream of ``docker save``. Each scan reads the stream once."""

    def __init__(self, image: DaemonImage) -> None:
        self._image = image
        self.config = image.config

    def scan(self, wanted: Wanted) -> list[Delta]:
        """Each layer's delta for the wanted paths."""
        what = f"the engine's stream of {self._image.ref}"
        with progress.step("read the whole image (docker save)"), self._image.engine.save(self._image.id) as stream:
            contents = scan_archive(TarReader(stream, what), what, wanted)
        manifest = read_docker(contents.document, what, "") or read_oci(contents.document, what, "")
        if manifest is None:
            raise Unavailable(f"{what} contains no manifest")
        self.config = parse_config(manifest.config)
        if self.config.diff_ids != self._image.config.diff_ids:
            raise Unavailable(f"{what} has other layers than the image")
        return [
            contents.delta(layer) or Delta(unknown=f"the engine did not send the layer {layer}")
            for layer in manifest.layers
        ]
