"""Image references, and which image an archive's table of contents means."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from migops.core.errors import MigopsError, Unavailable
from migops.images import open_image
from migops.images.image import parse_config, parse_time
from migops.images.reference import Reference, parse_reference
from tests.images.build import (
    ARCHITECTURE,
    Made,
    Member,
    blob,
    index,
    layer,
    legacy_files,
    oci_files,
    write_dir,
    write_tar,
)
from tests.images.test_contract import no_engine


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app", ("docker-daemon", "app", "")),
        ("app:1.2", ("docker-daemon", "app:1.2", "")),
        (
            "registry:5000/team/app@sha256:" + "0" * 64,
            ("docker-daemon", "registry:5000/team/app@sha256:" + "0" * 64, ""),
        ),
        ("docker-daemon:app:latest", ("docker-daemon", "app:latest", "")),
        ("sha256:" + "0" * 64, ("docker-daemon", "sha256:" + "0" * 64, "")),
        ("docker-archive:app.tar", ("docker-archive", "app.tar", "")),
        ("docker-archive:app.tar:app:latest", ("docker-archive", "app.tar", "app:latest")),
        ("oci:dir", ("oci", "dir", "")),
        ("oci-archive:/a/b.tar:v1", ("oci-archive", "/a/b.tar", "v1")),
    ],
)
def test_references(text: str, expected: tuple[str, str, str]) -> None:
    assert parse_reference(text) == Reference(text, *expected)


def test_a_path_with_a_colon_that_exists_wins(tmp_path: Path) -> None:
    path = tmp_path / "a:b.tar"
    path.touch()
    assert parse_reference(f"docker-archive:{path}").location == str(path)
    assert parse_reference(f"docker-archive:{path}:app:1") == Reference(
        f"docker-archive:{path}:app:1", "docker-archive", str(path), "app:1"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not an image reference"),
        ("--pull", "not an image reference"),
        ("docker://app", "registry is not supported yet"),
        ("docker-archive:", "names no image"),
        ("docker-daemon:-f", "names no image"),
        ("../containers/json", "not an image name"),
        ("app/../../x", "not an image name"),
        ("app?x=1", "not an image name"),
        ("two words", "not an image name"),
    ],
)
def test_what_is_no_reference(text: str, words: str) -> None:
    with pytest.raises(MigopsError, match=words) as caught:
        parse_reference(text)
    assert caught.value.exit_code == 2


ONE = Made([layer(Member("v/1.py", b"one"))], name="team/one:1")
TWO = Made([layer(Member("v/2.py", b"two"))], name="two:latest")


def found(ref: str) -> set[str]:
    with open_image(ref, engine=no_engine) as image:
        return set(image.read(["/v"])) - {"/v"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A docker-archive of two images."""
    files = legacy_files(ONE) | legacy_files(TWO)
    manifests = [json.loads(legacy_files(image)["manifest.json"])[0] for image in (ONE, TWO)]
    return write_tar(tmp_path / "a.tar", files | {"manifest.json": json.dumps(manifests).encode()})


def test_one_of_several_images(archive: Path) -> None:
    assert found(f"docker-archive:{archive}:team/one:1") == {"/v/1.py"}
    assert found(f"docker-archive:{archive}:two") == {"/v/2.py"}
    assert found(f"docker-archive:{archive}:docker.io/library/two:latest") == {"/v/2.py"}


def test_several_images_and_no_name(archive: Path) -> None:
    with pytest.raises(MigopsError, match=r"contains 2 images; it has team/one:1, two:latest$") as caught:
        found(f"docker-archive:{archive}")
    assert caught.value.exit_code == 2
    with pytest.raises(Unavailable, match="contains no image named 'three'"):
        found(f"docker-archive:{archive}:three")


def oci_index(tmp_path: Path, **platforms: Made) -> str:
    """A layout with an image for each architecture."""
    files: dict[str, bytes] = {}
    entries = []
    for architecture, image in platforms.items():
        of_image = oci_files(image, platform={"os": "linux", "architecture": architecture})
        entries += json.loads(of_image["index.json"])["manifests"]
        files |= of_image
    inner = index(entries)
    outer = {"digest": blob(inner).removeprefix("blobs/").replace("/", ":"), "size": len(inner)}
    files |= {blob(inner): inner, "index.json": index([outer])}
    return f"oci:{write_dir(tmp_path / 'oci', files)}"


def test_the_platform_of_this_machine_is_chosen(tmp_path: Path) -> None:
    assert platform.machine()
    assert found(oci_index(tmp_path, **{ARCHITECTURE: TWO, "s390x": ONE, "riscv64": ONE})) == {"/v/2.py"}


def test_an_image_for_another_platform_alone_is_taken(tmp_path: Path) -> None:
    assert found(oci_index(tmp_path, s390x=ONE)) == {"/v/1.py"}


def test_several_images_for_other_platforms(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"no image for linux/.*linux/riscv64, linux/s390x"):
        found(oci_index(tmp_path, s390x=ONE, riscv64=TWO))


def test_a_platform_that_was_not_saved_is_passed_over(tmp_path: Path) -> None:
    ref = oci_index(tmp_path, s390x=ONE, **{ARCHITECTURE: TWO})
    manifest = [
        entry for entry in (tmp_path / "oci/blobs/sha256").iterdir() if b'"layers"' in entry.read_bytes()[:2000]
    ]
    (other,) = [path for path in manifest if blob(ONE.config_json)[13:].encode() in path.read_bytes()]
    other.unlink()
    assert found(ref) == {"/v/2.py"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-06T07:08:09.123456789Z", "2024-05-06T07:08:09.123456+00:00"),
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09+00:00"),
        ("2024-05-06T07:08:09.5+02:00", "2024-05-06T05:08:09.500000+00:00"),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
        ("yesterday", None),
        ("2024-13-45T07:08:09Z", None),
    ],
)
def test_times(text: object, expected: str | None) -> None:
    moment = parse_time(text)
    assert (moment.isoformat() if moment else None) == expected


def test_a_configuration_with_nothing_in_it() -> None:
    config = parse_config({"config": None, "rootfs": None, "history": None})
    assert (config.working_dir, config.env, config.cmd, config.history) == ("/", {}, (), ())


@pytest.mark.parametrize("document", [{"config": [1]}, {"config": {"Env": "A=1"}}, {"history": [1]}, {"rootfs": "x"}])
def test_a_damaged_configuration(document: dict[str, object]) -> None:
    with pytest.raises(Unavailable, match="configuration"):
        parse_config(document)
