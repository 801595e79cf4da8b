"""Which configuration and which layers make up an image: ``manifest.json`` of Docker, ``index.json`` of OCI."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migops.core.errors import MigopsError, Unavailable

Document = Callable[[str], "bytes | None"]
"""A JSON document of the archive or folder by its name; None where there is none."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386", "i386": "386"}
_DEPTH = 4  # indexes inside indexes; real ones have two


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image of an archive or layout: ``id`` is its configuration's digest, ``layers`` its members, lowest first.

    ``sizes`` are the layers' lengths in bytes as far as they are stated (OCI states them, Docker does not).
    """

    id: str
    config: Mapping[str, Any]
    layers: tuple[str, ...]
    sizes: Mapping[str, int]


def read_docker(document: Document, what: str, name: str) -> Manifest | None:
    """Read ``manifest.json`` and pick the image called ``name`` (empty: the only one). None where there is none."""
    text = document("manifest.json")
    if text is None:
        return None
    images: list[dict[str, Any]] = _json(text, f"{what}, manifest.json", list)
    tags = [tuple(_strings(image.get("RepoTags"))) for image in images]
    chosen = [image for image, names in zip(images, tags, strict=True) if not name or _matches(name, names)]
    image = _only(chosen, what, name, sorted({tag for names in tags for tag in names}))
    config_name, layers = image.get("Config"), _strings(image.get("Layers"))
    if not isinstance(config_name, str):
        raise Unavailable(f"{what}: manifest.json names no configuration")
    digest = posixpath.basename(config_name).removesuffix(".json")
    text, id_ = _proved(document, config_name, f"sha256:{digest}", what)
    return _manifest(what, id_, _json(text, f"{what}, {config_name}", dict), tuple(layers), {})


def read_oci(document: Document, what: str, name: str) -> Manifest | None:
    """Read ``index.json`` and pick the image called ``name`` (empty: the only one) for this machine's platform."""
    text = document("index.json")
    if text is None:
        return None
    index = _json(text, f"{what}, index.json", dict)
    named = [item for item in _descriptors(index, "manifests") if not name or _matches(name, _names(item))]
    found = list(_manifests(document, named, what, _DEPTH))
    names = sorted({label for item in _descriptors(index, "manifests") for label in _names(item)})
    found = _for_platform([item for item in found if not _is_attestation(item[0])])
    platforms = sorted({_platform(item[0]) for item in found})
    if len({_platform(item[0]) for item in found}) == len(found) > 1:
        raise Unavailable(f"{what} contains no image for {_here()}; it has {', '.join(platforms)}")
    _, manifest = _only(found, what, name, names)
    config = manifest.get("config")
    digest = config.get("digest") if isinstance(config, dict) else None
    text, id_ = _proved(document, _blob(digest, what), str(digest), what)
    layers = _descriptors(manifest, "layers")
    blobs = [_blob(layer.get("digest"), what) for layer in layers]
    stated = {blob: layer.get("size") for blob, layer in zip(blobs, layers, strict=True)}
    sizes = {blob: size for blob, size in stated.items() if isinstance(size, int)}
    return _manifest(what, id_, _json(text, f"{what}, configuration", dict), tuple(blobs), sizes)


def _manifest(
    what: str, id_: str, config: Mapping[str, Any], layers: tuple[str, ...], sizes: Mapping[str, int]
) -> Manifest:
    rootfs = config.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
        count = len(diff_ids) if isinstance(diff_ids, list) else 0
        raise Unavailable(f"{what} names {len(layers)} layers, but the image's configuration {count}")
    return Manifest(id_, config, tuple(posixpath.normpath(layer) for layer in layers), sizes)


def _manifests(
    document: Document, items: list[dict[str, Any]], what: str, depth: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each image manifest that the descriptors lead to. Where a blob is not there, that platform was not saved."""
    for item in items:
        digest = item.get("digest")
        blob = _blob(digest, what)
        if document(blob) is None:
            if len(items) == 1:
                raise Unavailable(f"{what} does not contain {blob}, which its index names")
            continue
        text, _ = _proved(document, blob, str(digest), what)
        manifest = _json(text, f"{what}, {blob}", dict)
        if "manifests" in manifest:
            if depth == 0:
                raise Unavailable(f"{what}: indexes inside indexes, more than {_DEPTH} deep")
            yield from _manifests(document, _descriptors(manifest, "manifests"), what, depth - 1)
        else:
            yield item, manifest


def _for_platform(
    found: list[tuple[dict[str, Any], dict[str, Any]]],
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Of several images, those for this machine; all where none says that it is."""
    here = [item for item in found if _platform(item[0]) == _here()]
    return here if len(found) > 1 and here else found


def _platform(item: Mapping[str, Any]) -> str:
    value = item.get("platform")
    return f"{value.get('os', '?')}/{value.get('architecture', '?')}" if isinstance(value, dict) else "linux/any"


def _here() -> str:
    import platform

    machine = platform.machine().lower()
    return f"linux/{_MACHINES.get(machine, machine)}"


def _is_attestation(item: Mapping[str, Any]) -> bool:
    """BuildKit puts notes about the build beside the image, as images for no platform."""
    return "vnd.docker.reference.type" in _annotations(item) or _platform(item) == "unknown/unknown"


def _names(item: Mapping[str, Any]) -> tuple[str, ...]:
    notes = _annotations(item)
    keys = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    return tuple(str(notes[key]) for key in keys if key in notes)


def _annotations(item: Mapping[str, Any]) -> Mapping[str, Any]:
    value = item.get("annotations")
    return value if isinstance(value, dict) else {}


def _matches(name: str, names: tuple[str, ...]) -> bool:
    """``app`` means ``app:latest``, and a full name, as containerd writes it, the same as the short one."""
    wanted = _full_name(name)
    return any(name == other or wanted == _full_name(other) for other in names)


def _full_name(name: str) -> str:
    if ":" not in posixpath.basename(name):
        name += ":latest"
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def _only(found: list[Any], what: str, name: str, names: list[str]) -> Any:
    if len(found) == 1:
        return found[0]
    listed = f"; it has {', '.join(names)}" if names else ""
    if not found:
        raise Unavailable(f"{what} contains no image{f' named {name!r}' if name else ''}{listed}")
    raise MigopsError(f"{what} contains {len(found)} images{listed}", hint="choose one: ARCHIVE:NAME")


def _proved(document: Document, name: str, digest: str, what: str) -> tuple[bytes, str]:
    """The document, and its digest, which must be ``digest`` where that is one."""
    text = document(name)
    if text is None:
        raise Unavailable(f"{what} does not contain {name}, which it names")
    actual = f"sha256:{hashlib.sha256(text).hexdigest()}"
    if re.fullmatch(r"sha256:[0-9a-f]{64}", digest) and digest != actual:
        raise Unavailable(f"{what} is damaged: {name} does not match the digest in its name")
    return text, actual


def _blob(digest: object, what: str) -> str:
    if not isinstance(digest, str) or not re.fullmatch(r"[a-z0-9]+:[0-9a-f]{32,128}", digest):
        raise Unavailable(f"{what} is damaged: {digest!r} is not a digest")
    return "blobs/" + digest.replace(":", "/")


def _descriptors(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = document.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _json(text: bytes, what: str, kind: type[list[Any]] | type[dict[str, Any]]) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"{what} is not JSON: {error}") from error
    if not isinstance(value, kind) or (kind is list and not all(isinstance(item, dict) for item in value)):
        raise Unavailable(f"{what} is damaged: it has an invalid structure")
    return value
