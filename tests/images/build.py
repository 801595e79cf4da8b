"""Images made by hand, in every form that a source reads, from the same layers."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CREATED = "2024-05-06T07:08:09.123456789Z"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@dataclass(frozen=True)
class Member:
    """A member of a layer: a file's text, or what ``kind`` (a tarfile type) says."""

    name: str
    text: bytes = b""
    kind: bytes = tarfile.REGTYPE
    target: str = ""
    mode: int = 0o644

    def info(self) -> tarfile.TarInfo:
        info = tarfile.TarInfo(self.name)
        info.type, info.linkname, info.mode, info.mtime = self.kind, self.target, self.mode, 1_700_000_000
        info.size = len(self.text) if self.kind == tarfile.REGTYPE else 0
        return info


def folder(name: str) -> Member:
    return Member(name + "/", kind=tarfile.DIRTYPE, mode=0o755)


def link(name: str, target: str) -> Member:
    return Member(name, kind=tarfile.SYMTYPE, target=target, mode=0o777)


def hardlink(name: str, target: str) -> Member:
    return Member(name, kind=tarfile.LNKTYPE, target=target)


def gone(name: str) -> Member:
    """A whiteout: ``name`` of the layers below is not there any more."""
    head, _, tail = name.rpartition("/")
    return Member(f"{head}/.wh.{tail}" if head else f".wh.{tail}")


def opaque(name: str) -> Member:
    return Member(f"{name}/.wh..wh..opq")


def layer(*members: Member, format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for member in members:
            tar.addfile(member.info(), io.BytesIO(member.text))
    return out.getvalue()


@dataclass
class Made:
    """An image: its layers (uncompressed tars, lowest first), one history step each and an empty one at the end."""

    layers: Sequence[bytes]
    name: str = "migops-test/app:1"
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def config_json(self) -> bytes:
        steps: list[dict[str, Any]] = [
            {"created": CREATED, "created_by": f"COPY layer {index} # buildkit"} for index, _ in enumerate(self.layers)
        ]
        document = {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "created": CREATED,
            "config": {"Env": ["A=1", "B=x=y"], "WorkingDir": "/app", "Cmd": ["serve"], "Labels": {"l": "v"}}
            | self.config,
            "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in self.layers]},
            "history": [*steps, {"created": CREATED, "created_by": 'CMD ["serve"]', "empty_layer": True}],
        }
        return json.dumps(document).encode()

    @property
    def id(self) -> str:
        return digest(self.config_json)


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob(data: bytes) -> str:
    return "blobs/" + digest(data).replace(":", "/")


def legacy_files(image: Made) -> dict[str, bytes]:
    """What ``docker save`` wrote up to Engine 24."""
    config = image.id.removeprefix("sha256:") + ".json"
    names = [f"{digest(tar)[7:19]}{index}/layer.tar" for index, tar in enumerate(image.layers)]
    files = dict(zip(names, image.layers, strict=True))
    for name in names:
        files[name.replace("layer.tar", "VERSION")] = b"1.0"
        files[name.replace("layer.tar", "json")] = b'{"id":"x"}'
    manifest = [{"Config": config, "RepoTags": [image.name], "Layers": names}]
    return files | {config: image.config_json, "manifest.json": json.dumps(manifest).encode()}


def oci_files(image: Made, compress: Callable[[bytes], bytes] = bytes, **index_entry: Any) -> dict[str, bytes]:
    """An OCI layout's files; ``compress`` makes a layer's blob, ``index_entry`` is added to the index's descriptor."""
    blobs = [compress(tar) for tar in image.layers]
    media = "application/vnd.oci.image.layer.v1.tar" + ("" if compress is bytes else "+gzip")
    manifest = {
        "schemaVersion": 2,
        "config": descriptor(image.config_json, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(data, media) for data in blobs],
    }
    text = json.dumps(manifest).encode()
    entry = descriptor(text, "application/vnd.oci.image.manifest.v1+json") | index_entry
    entry.setdefault("annotations", {"org.opencontainers.image.ref.name": image.name.rpartition(":")[2]})
    files = {blob(data): data for data in (*blobs, image.config_json, text)}
    return files | {"index.json": index([entry]), "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}


def hybrid_files(image: Made) -> dict[str, bytes]:
    """What ``docker save`` writes since Engine 25: the layout, and a manifest.json that names its blobs."""
    manifest = [
        {"Config": blob(image.config_json), "RepoTags": [image.name], "Layers": [blob(tar) for tar in image.layers]}
    ]
    return oci_files(image) | {"manifest.json": json.dumps(manifest).encode()}


def descriptor(data: bytes, media: str) -> dict[str, Any]:
    return {"mediaType": media, "digest": digest(data), "size": len(data)}


def index(entries: Sequence[dict[str, Any]]) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": list(entries)}).encode()


def write_tar(path: Path, files: dict[str, bytes], compress: Callable[[bytes], bytes] = bytes) -> Path:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(compress(out.getvalue()))
    return path


def write_dir(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def forms(image: Made, folder: Path) -> dict[str, str]:
    """References to the image in every form that needs no engine."""
    return {
        "legacy": f"docker-archive:{write_tar(folder / 'legacy.tar', legacy_files(image))}",
        "legacy-gz": f"docker-archive:{write_tar(folder / 'legacy.tar.gz', legacy_files(image), gzip.compress)}",
        "hybrid": f"docker-archive:{write_tar(folder / 'hybrid.tar', hybrid_files(image))}",
        "oci-archive": f"oci-archive:{write_tar(folder / 'oci.tar', oci_files(image))}",
        "oci-archive-gz-layers": f"oci-archive:{write_tar(folder / 'ocigz.tar', oci_files(image, gzip.compress))}",
        "oci": f"oci:{write_dir(folder / 'oci', oci_files(image))}",
        "oci-gz-layers": f"oci:{write_dir(folder / 'ocigz', oci_files(image, gzip.compress))}",
    }
