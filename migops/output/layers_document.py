"""The files of an image with the layer that each is from, as plain values, schema 1."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migops.commands.layers import LayersResult
from migops.core.model import Entry, Unknown
from migops.core.redaction import redact
from migops.images.image import Layer


def document(result: LayersResult) -> dict[str, Any]:
    """The document of ``migops layers``; a file's ``layer`` is an ``index``, or null with a ``reason``."""
    image, attribution = result.image, result.attribution
    return {
        "schema": 1,
        "image": {"ref": image.ref, "id": image.id, "created": _time(image.created)},
        "layers": [_layer(layer) for layer in attribution.layers],
        "base": {"image": attribution.base.image or None, "evidence": attribution.base.evidence},
        "files": [_file(path, entry, attribution.layer_of[path]) for path, entry in sorted(result.files.items())],
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "index": layer.index,
        "diff_id": layer.diff_id or None,
        "created": _time(layer.created),
        "created_by": redact(layer.created_by),
        "empty": layer.empty,
        "base": layer.base,
    }


def _file(path: str, entry: Entry, layer: Layer | Unknown) -> dict[str, Any]:
    item: dict[str, Any] = {
        "path": path,
        "layer": layer.index if isinstance(layer, Layer) else None,
        "size": entry.size,
        "sha256": entry.sha256 or None,
    }
    return item | ({"reason": layer.reason} if isinstance(layer, Unknown) else {})


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
