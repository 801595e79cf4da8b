"""The configuration and layers of an image, from Docker's ``manifest.json`` or OCI's ``index.json``."""

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
"""From a name to the JSON document in the archive or folder; None if there is none."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386", "i386": "386"}
_DEPTH = 4  # levels of nested indexes; real ones have two


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image of an archive or layout."""

    id: str  # the digest of the configuration
    config: Mapping[str, Any]
    layers: tuple[str, ...]  # member names, lowest layer first
    sizes: Mapping[str, int]  # bytes of each layer; OCI records them, Docker does not


def read_docker(document: Document, what: str, name: str) -> Manifest | None:
    """Read ``manifest.json`` and select the image ``name`` ('': the only one). None if there is no such document."""
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
    """Read ``index.json`` and select the image ``name`` ('': the only one) for this machine's platform."""
    text = document("index.json")
    if text is None:
        return None
    index = _json(text, f"{what}, index.json", dict)
    named = [item for item in _descriptors(index, "manifests") if not name or _matches(name, _names(item))]
    manifests = list(_manifests(document, named, what, _DEPTH))
    names = sorted({label for item in _descriptors(index, "manifests") for label in _names(item)})
    manifests = _for_platform([item for item in manifests if not _is_attestation(item[0])])
    platforms = sorted({_platform(item[0]) for item in manifests})
    if len({_platform(item[0]) for item in manifests}) == len(manifests) > 1:
        raise Unavailable(f"{what} contains no image for {_here()}; it has {', '.join(platforms)}")
    _, manifest = _only(manifests, what, name, names)
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
    """Each image manifest that the descriptors lead to. A missing blob means that the platform was not saved."""
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
    manifests: list[tuple[dict[str, Any], dict[str, Any]]],
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Of several images, those for this machine's platform; all if none is."""
    here = [item for item in manifests if _platform(item[0]) == _here()]
    return here if len(manifests) > 1 and here else manifests


def _platform(item: Mapping[str, Any]) -> str:
    value = item.get("platform")
    return f"{value.get('os', '?')}/{value.get('architecture', '?')}" if isinstance(value, dict) else "linux/any"


def _here() -> str:
    import platform

    machine = platform.machine().lower()
    return f"linux/{_MACHINES.get(machine, machine)}"


def _is_attestation(item: Mapping[str, Any]) -> bool:
    """True for BuildKit's metadata about the build, stored as an image without a platform."""
    return "vnd.docker.reference.type" in _annotations(item) or _platform(item) == "unknown/unknown"


def _names(item: Mapping[str, Any]) -> tuple[str, ...]:
    notes = _annotations(item)
    keys = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    return tuple(str(notes[key]) for key in keys if key in notes)


def _annotations(item: Mapping[str, Any]) -> Mapping[str, Any]:
    value = item.get("annotations")
    return value if isinstance(value, dict) else {}


def _matches(name: str, names: tuple[str, ...]) -> bool:
    """True if the names match: ``app`` is ``app:latest``, and containerd's full names equal the short ones."""
    wanted = _full_name(name)
    return any(name == other or wanted == _full_name(other) for other in names)


def _full_name(name: str) -> str:
    if ":" not in posixpath.basename(name):
        name += ":latest"
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def _only(manifests: list[Any], what: str, name: str, names: list[str]) -> Any:
    if len(manifests) == 1:
        return manifests[0]
    listed = f"; it has {', '.join(names)}" if names else ""
    if not manifests:
        raise Unavailable(f"{what} contains no image{f' named {name!r}' if name else ''}{listed}")
    raise MigopsError(f"{what} contains {len(manifests)} images{listed}", hint="choose one: ARCHIVE:NAME")


def _proved(document: Document, name: str, digest: str, what: str) -> tuple[bytes, str]:
    """The document and its digest, which must equal ``digest`` if that is one."""
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
