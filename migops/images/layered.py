"""Images whose layers are merged here: archives and OCI folders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from migops.core.errors import Unavailable
from migops.core.model import Entry
from migops.images.image import ImageConfig, KeepContent, parse_config, parse_time
from migops.images.layer import Delta, Wanted
from migops.images.manifest import Manifest
from migops.images.merge import Scan, read_merged, without_engine_made


class LayeredImage:
    """An ``Image`` from a manifest and a scan of its layers."""

    def __init__(self, ref: str, manifest: Manifest, scan: Scan) -> None:
        self._ref = ref
        self._manifest = manifest
        self._config = parse_config(manifest.config)
        self.scan = scan

    @property
    def ref(self) -> str:
        return self._ref

    @property
    def id(self) -> str:
        return self._manifest.id

    @property
    def created(self) -> datetime | None:
        return parse_time(self._manifest.config.get("created"))

    @property
    def config(self) -> ImageConfig:
        return self._config

    def read(self, paths: Iterable[str], *, content: KeepContent | None = None) -> dict[str, Entry]:
        return without_engine_made(read_merged(self._whole, paths, content).entries)

    def _whole(self, wanted: Wanted) -> list[Delta]:
        """The layers' deltas. Raises ``Unavailable`` if any layer could not be read."""
        deltas = list(self.scan(wanted))
        for delta in deltas:
            if delta.unknown:
                hint = "save the image uncompressed, or check it in the Docker Engine by its name"
                raise Unavailable(f"{delta.unknown}", hint=hint)
        return deltas
