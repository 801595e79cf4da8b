"""FAULTS 3 and 16: archives that were cut, changed or only half written. No answer is better than half of one."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from migops.core.errors import MigopsError, Unavailable
from migops.images import open_image
from tests.images.build import (
    Made,
    Member,
    blob,
    descriptor,
    digest,
    folder,
    hybrid_files,
    index,
    layer,
    legacy_files,
    oci_files,
    write_dir,
    write_tar,
)
from tests.images.test_contract import no_engine

NOISE = random.Random(1).randbytes(40_000)  # so that gzip has something to keep
IMAGE = Made(
    [
        layer(folder("app"), Member("app/noise", NOISE), Member("app/001.py", b"1")),
        layer(folder("app"), Member("app/002.py", b"2")),
    ]
)


def read(ref: str) -> set[str]:
    with open_image(ref, engine=no_engine) as image:
        return set(image.read(["/app"], content=lambda path: path.endswith(".py")))


@pytest.mark.parametrize("make", [legacy_files, hybrid_files, oci_files])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_an_archive_cut_anywhere_is_no_verdict(
    make: Callable[[Made], dict[str, bytes]], compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = write_tar(tmp_path / "a.tar", make(IMAGE), compress)
    whole = path.read_bytes()
    assert read(f"docker-archive:{path}") == {"/app", "/app/noise", "/app/001.py", "/app/002.py"}
    end = len(whole) if compress is gzip.compress else len(whole.rstrip(b"\0"))
    for cut in sorted({0, 1, 100, 512, 1024, *range(512, end, 4096), end - 1}):
        path.write_bytes(whole[:cut])
        with pytest.raises(Unavailable):
            read(f"docker-archive:{path}")


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_layer_cut_in_a_layout_is_no_verdict(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    root = write_dir(tmp_path / "oci", oci_files(IMAGE, compress))
    name = blob(compress(IMAGE.layers[0])) if compress is bytes else None
    path = max((root / "blobs/sha256").iterdir(), key=lambda file: file.stat().st_size)
    assert name is None or path == root / name
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(Unavailable, match="damaged"):
        read(f"oci:{root}")


def test_a_gzipped_layer_cut_before_it_was_packed_up_is_no_verdict(tmp_path: Path) -> None:
    root = write_dir(tmp_path / "oci", oci_files(IMAGE, lambda tar: gzip.compress(tar)[:-30]))
    with pytest.raises(Unavailable, match="cut"):
        read(f"oci:{root}")


def test_a_flipped_bit_in_a_gzipped_layer_is_no_verdict(tmp_path: Path) -> None:
    def flipped(tar: bytes) -> bytes:
        packed = bytearray(gzip.compress(tar))
        packed[len(packed) // 2] ^= 4
        return bytes(packed)

    root = write_dir(tmp_path / "oci", oci_files(IMAGE, flipped))
    with pytest.raises(Unavailable):
        read(f"oci:{root}")


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci"])
def test_a_missing_layer_is_no_verdict_and_named(form: str, tmp_path: Path) -> None:
    files = hybrid_files(IMAGE)
    del files[blob(IMAGE.layers[1])]
    where = write_dir(tmp_path / "a", files) if form == "oci" else write_tar(tmp_path / "a", files)
    with pytest.raises(Unavailable, match=blob(IMAGE.layers[1])):
        read(f"{form}:{where}")


def test_a_changed_configuration_is_seen(tmp_path: Path) -> None:
    files = oci_files(IMAGE)
    files[blob(IMAGE.config_json)] = IMAGE.config_json.replace(b"serve", b"evil!")
    with pytest.raises(Unavailable, match="digest"):
        read(f"oci:{write_dir(tmp_path / 'oci', files)}")


@pytest.mark.parametrize(
    ("magic", "kind"),
    [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"), (b"BZh9", "bzip2"), (b"\x04\x22\x4d\x18", "lz4")],
)
def test_a_compression_that_cannot_be_undone_is_named(magic: bytes, kind: str, tmp_path: Path) -> None:
    root = write_dir(tmp_path / "oci", oci_files(IMAGE, lambda tar: magic + tar))
    with pytest.raises(Unavailable, match=f"compressed with {kind}"):
        read(f"oci:{root}")
    path = tmp_path / "a.tar"
    path.write_bytes(magic + bytes(100))
    with pytest.raises(Unavailable, match=f"compressed with {kind}"):
        read(f"docker-archive:{path}")


def test_attestations_are_no_images(tmp_path: Path) -> None:
    """BuildKit writes, beside the image, an image for no platform whose layers are JSON."""
    files = oci_files(IMAGE)
    (entry,) = json.loads(files["index.json"])["manifests"]
    note = b'{"_type":"https://in-toto.io/Statement/v0.1"}'
    manifest = json.dumps(
        {"config": descriptor(b"{}", "c"), "layers": [descriptor(note, "application/vnd.in-toto+json")]}
    )
    attestation = descriptor(manifest.encode(), "application/vnd.oci.image.manifest.v1+json") | {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    inner = index([entry | {"platform": {"os": "linux", "architecture": "amd64"}}, attestation])
    files |= {blob(note): note, blob(b"{}"): b"{}", blob(manifest.encode()): manifest.encode(), blob(inner): inner}
    files["index.json"] = index([descriptor(inner, "application/vnd.oci.image.index.v1+json")])
    for ref in (f"oci:{write_dir(tmp_path / 'oci', files)}", f"oci-archive:{write_tar(tmp_path / 'a.tar', files)}"):
        assert read(ref) == {"/app", "/app/noise", "/app/001.py", "/app/002.py"}


def test_engine_25_0_0_s_manifest_without_layers(tmp_path: Path) -> None:
    files = hybrid_files(IMAGE)
    config = descriptor(IMAGE.config_json, "application/vnd.oci.image.config.v1+json")
    manifest = json.dumps({"schemaVersion": 2, "config": config, "layers": []}).encode()
    files |= {
        blob(manifest): manifest,
        "index.json": index([descriptor(manifest, "application/vnd.oci.image.manifest.v1+json")]),
    }
    path = write_tar(tmp_path / "a.tar", files)
    assert read(f"docker-archive:{path}") == {"/app", "/app/noise", "/app/001.py", "/app/002.py"}
    with pytest.raises(Unavailable, match="names 0 layers, but the image's configuration 2"):
        read(f"oci-archive:{path}")


def test_an_archive_that_changes_while_it_is_read_is_no_verdict(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", legacy_files(IMAGE))
    with open_image(f"docker-archive:{path}", engine=no_engine) as image:
        image.read(["/app"])
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(Unavailable, match="changed while"):
            image.read(["/app"])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "neither"),
        ({"manifest.json": b"{}"}, "structure"),
        ({"manifest.json": b"[]"}, "no image"),
        ({"manifest.json": b"[1]"}, "structure"),
        ({"manifest.json": b"[" * 100_000}, "JSON"),
        ({"manifest.json": b'[{"Config": 1}]'}, "no configuration"),
        ({"manifest.json": b'[{"Config": "c.json", "Layers": []}]'}, "does not contain c.json"),
        ({"index.json": b'{"manifests": [{"digest": "../../etc/passwd"}]}'}, "not a digest"),
        ({"index.json": index([descriptor(b"x", "m")])}, "does not contain"),
    ],
)
def test_archives_that_make_no_sense(files: dict[str, bytes], words: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=words):
        read(f"docker-archive:{write_tar(tmp_path / 'a.tar', files)}")


def test_files_that_are_no_archives(tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match="cannot be opened") as caught:
        read(f"docker-archive:{tmp_path}/nothing.tar")
    assert caught.value.exit_code == 2
    with pytest.raises(MigopsError, match="cannot be opened"):
        read(f"docker-archive:{tmp_path}")
    with pytest.raises(MigopsError, match="not a folder"):
        read(f"oci:{tmp_path}/nothing")
    with pytest.raises(Unavailable, match=r"index\.json"):
        read(f"oci:{tmp_path}")
    (tmp_path / "text").write_bytes(b"hello, this is no tar")
    with pytest.raises(Unavailable):
        read(f"docker-archive:{tmp_path}/text")


def test_the_digest_of_an_image_is_that_of_its_configuration() -> None:
    assert IMAGE.id == digest(IMAGE.config_json)
