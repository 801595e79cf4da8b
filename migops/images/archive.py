"""``docker-archive:FILE[:NAME]`` (``docker save``) and ``oci-archive:FILE[:NAME]``: image archives, gzipped or not."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from migops.core.errors import MigopsError, Unavailable
from migops.images.layer import Delta, Wanted
from migops.images.layered import LayeredImage
from migops.images.manifest import read_docker, read_oci
from migops.images.reference import Reference
from migops.images.scan import Contents, FileStream, Gunzipped, Peeked, compression, is_gzip, scan_archive
from migops.images.tar import Readable, TarReader


@contextmanager
def open_archive(ref: Reference) -> Iterator[LayeredImage]:
    """The image of an archive. ``ref.scheme`` decides which of its two tables of contents is used.

    ``docker-archive`` uses ``manifest.json``, because the OCI manifest of Engine 25.0.0 lists no layers.
    """
    try:
        file = Path(ref.location).open("rb")  # noqa: SIM115 - closed below; a failure to open has its own message
    except OSError as error:
        raise MigopsError(
            f"the image archive {ref.location!r} cannot be opened: {error.strerror or error}",
            hint="create it with: docker save -o FILE IMAGE",
        ) from error
    with file:
        archive = _Archive(file, f"the archive {ref.location!r}")
        contents = archive.scan(None)
        readers = (read_docker, read_oci) if ref.scheme == "docker-archive" else (read_oci, read_docker)
        manifests = (read(contents.document, archive.what, ref.name) for read in readers)
        manifest = next((found for found in manifests if found is not None), None)
        if manifest is None:
            raise Unavailable(f"{archive.what} contains no image: it has neither a manifest.json nor an index.json")
        layers = manifest.layers

        def scan(wanted: Wanted) -> list[Delta]:
            again = archive.scan(wanted, only={contents.followed(layer) for layer in layers})
            return [again.delta(layer) or _missing(archive.what, layer) for layer in layers]

        yield LayeredImage(ref.text, manifest, scan)


class _Archive:
    """An open archive file. Each pass reads it from its start; it must not change in between."""

    def __init__(self, file: BinaryIO, what: str) -> None:
        self.what = what
        self._file = file
        self._stamp = self._state()

    def scan(self, wanted: Wanted | None, only: Collection[str] | None = None) -> Contents:
        body = Peeked(FileStream(self._file, self.what))
        stream: Readable = body
        if is_gzip(body.head):
            stream = Gunzipped(body, self.what)
        elif kind := compression(body.head):
            raise Unavailable(f"{self.what} is compressed with {kind}", hint="decompress it first, or use gzip")
        contents = scan_archive(TarReader(stream, self.what), self.what, wanted, only)
        if self._state() != self._stamp:
            raise Unavailable(f"{self.what} changed while it was read", hint="wait until it is written, and try again")
        return contents

    def _state(self) -> tuple[int, int]:
        state = os.fstat(self._file.fileno())
        return state.st_size, state.st_mtime_ns


def _missing(what: str, layer: str) -> Delta:
    return Delta(unknown=f"{what} does not contain the layer {layer}")
