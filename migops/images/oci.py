"""``oci:DIR[:NAME]``: an OCI image layout in a folder (OCI image spec, ``image-layout.md``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migops.core.errors import MigopsError, Unavailable
from migops.images.layer import Budget, Delta, Wanted
from migops.images.layered import LayeredImage
from migops.images.manifest import read_oci
from migops.images.reference import Reference
from migops.images.scan import MAX_DOCUMENT, FileStream, Peeked, read_layer


@contextmanager
def open_oci(ref: Reference) -> Iterator[LayeredImage]:
    """The image of an OCI layout."""
    root = Path(ref.location)
    what = f"the OCI layout {ref.location!r}"
    if not root.is_dir():
        raise MigopsError(f"{what} is not a folder", hint="for a tar of a layout, write oci-archive:FILE")
    manifest = read_oci(lambda name: _document(root, name, what), what, ref.name)
    if manifest is None:
        raise Unavailable(f"{what} has no index.json")

    def scan(wanted: Wanted) -> list[Delta]:
        budget = Budget()
        return [_delta(root, layer, manifest.sizes.get(layer), what, wanted, budget) for layer in manifest.layers]

    yield LayeredImage(ref.text, manifest, scan)


def _document(root: Path, name: str, what: str) -> bytes | None:
    path = root / name
    try:
        if path.stat().st_size > MAX_DOCUMENT:
            raise Unavailable(f"{what}: {name} is larger than a document may be ({MAX_DOCUMENT} bytes)")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{what}: {name} cannot be read: {error.strerror or error}") from error


def _delta(root: Path, layer: str, size: int | None, what: str, wanted: Wanted, budget: Budget) -> Delta:
    try:
        with (root / layer).open("rb") as file:
            actual = (root / layer).stat().st_size
            if size is not None and actual != size:
                raise Unavailable(f"{what} is damaged: {layer} has {actual} bytes, its manifest says {size}")
            body = Peeked(FileStream(file, f"{what}, {layer}"))
            delta = read_layer(body, f"{what}, layer {layer}", wanted, budget)
    except FileNotFoundError:
        return Delta(unknown=f"{what} does not contain the layer {layer}")
    except OSError as error:
        raise Unavailable(f"{what}: {layer} cannot be read: {error.strerror or error}") from error
    return delta or Delta(unknown=f"{what}: {layer} is not a layer")
