"""The interface of every image source: identity, configuration, and the files at requested paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, Protocol

from migops.core.errors import Unavailable
from migops.core.model import Entry, ImageIdentity
from migops.core.redaction import redact

KeepContent = Callable[[str], bool]
"""From a path to True if the reader must keep the file's bytes, not only their digest."""


@dataclass(frozen=True, slots=True)
class History:
    """One step of an image's build, as its configuration records it. ``empty`` steps created no layer."""

    created_by: str = ""
    created: datetime | None = None
    comment: str = ""
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of an image's history."""

    index: int  # from 0, empty steps included
    diff_id: str  # the layer's digest; '' for an empty step
    created_by: str  # the instruction, as recorded
    created: datetime | None
    empty: bool  # the step created no layer
    base: bool | None  # the step belongs to the ``FROM`` image; None: unknown
    comment: str = ""

    @property
    def instruction(self) -> str:
        """``created_by`` as a Dockerfile's instruction, as far as builders record it, without secrets."""
        text = re.sub(r"\s*# buildkit$", "", self.created_by.strip())
        nop = re.sub(r"^/bin/sh -c #\(nop\)\s*", "", text)
        if nop != text:
            return redact(nop)
        return redact(re.sub(r"^(RUN )?(\|\d+ .*?)?/bin/sh -c\s+", "RUN ", text))


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The part of an image's configuration that migops reads (OCI image spec, ``config.md``)."""

    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    history: tuple[History, ...] = ()
    """Empty if the source does not mark the empty steps, as the Engine's inspect; see ``images.layers``."""
    diff_ids: tuple[str, ...] = ()  # the digests of the layers' uncompressed tars, lowest layer first


class Image(Protocol):
    """One image, resolved once: all answers are about ``id``, even if its tag moves meanwhile."""

    @property
    def ref(self) -> str:
        """The reference as the user wrote it."""

    @property
    def id(self) -> str:
        """``sha256:…``: the engine's image ID, or the digest of the archive's configuration."""

    @property
    def created(self) -> datetime | None: ...

    @property
    def config(self) -> ImageConfig: ...

    def read(self, paths: Iterable[str], *, content: KeepContent | None = None) -> dict[str, Entry]:
        """Every entry at and below each absolute POSIX path, in the file system of a container.

        Symlinks in a path's parent folders and at the path itself are followed inside the image's root; entries are
        keyed by the requested path. A link further inside is a ``SYMLINK`` entry; if ``content`` is True for it and it
        leads to a regular file, it has that file's ``sha256`` and ``content`` too, since Alembic would load it. A path
        that the image does not have is not a key.

        Raises ``Unavailable`` for an incomplete answer: a truncated stream, a hostile or oversized member, a symlink
        loop, an unreadable layer.
        """


def identity(image: Image) -> ImageIdentity:
    """The image's identity for reports."""
    return ImageIdentity(ref=image.ref, id=image.id, created=image.created)


def parse_config(document: Mapping[str, Any]) -> ImageConfig:
    """Read an image's configuration blob. The Engine's inspect has the same ``config`` with capitalised keys."""
    config = _mapping(document, "config")
    rootfs = _mapping(document, "rootfs")
    return ImageConfig(
        env=MappingProxyType(dict(_pair(item) for item in _strings(config, "Env"))),
        working_dir=str(config.get("WorkingDir") or "/"),
        entrypoint=_strings(config, "Entrypoint"),
        cmd=_strings(config, "Cmd"),
        user=str(config.get("User") or ""),
        labels=MappingProxyType({str(k): str(v) for k, v in _mapping(config, "Labels").items()}),
        volumes=tuple(sorted(_mapping(config, "Volumes"))),
        exposed=tuple(sorted(_mapping(config, "ExposedPorts"))),
        history=tuple(_history(step) for step in document.get("history") or ()),
        diff_ids=_strings(rootfs, "diff_ids"),
    )


def parse_time(text: object) -> datetime | None:
    """An RFC 3339 time, with Docker's up to nine decimal places. None for no time and for the zero time."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", str(text or ""))
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{((fraction or '.0') + '000000')[:7]}{offset}")
        return None if moment.year <= 1 else moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _history(step: object) -> History:
    if not isinstance(step, dict):
        raise Unavailable("the image's configuration has a history entry that is not a mapping")
    return History(
        created_by=str(step.get("created_by") or ""),
        created=parse_time(step.get("created")),
        comment=str(step.get("comment") or ""),
        empty=bool(step.get("empty_layer")),
    )


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, dict):
        raise Unavailable(f"the image's configuration is damaged: {key!r} is not a mapping")
    return value


def _strings(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = document.get(key) or ()
    if not isinstance(value, (list, tuple)):
        raise Unavailable(f"the image's configuration is damaged: {key!r} is not a list")
    return tuple(str(item) for item in value)


def _pair(item: str) -> tuple[str, str]:
    name, _, value = item.partition("=")
    return name, value
