"""Where an image can be read from."""

from __future__ import annotations

import pytest

from migops.core.image_source import FILES, SCHEMES, completed, engine_name, is_of_files
from migops.images.reference import parse_reference


@pytest.mark.parametrize(
    ("ref", "of_files", "name"),
    [
        ("app", False, "app"),
        ("app:1.2", False, "app:1.2"),
        ("oci", False, "oci"),  # an image of that name
        ("docker-daemon:app:1.2", False, "app:1.2"),
        ("docker-archive:app.tar", True, "docker-archive:app.tar"),
        ("oci:folder", True, "oci:folder"),
        ("oci-archive:app.tar:app:1", True, "oci-archive:app.tar:app:1"),
        ("", False, ""),
    ],
)
def test_of_files_or_of_the_engine(ref: str, of_files: bool, name: str) -> None:
    assert is_of_files(ref) is of_files
    assert engine_name(ref) == name


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_is_read(scheme: str) -> None:
    assert parse_reference(f"{scheme}:x").scheme == scheme
    assert is_of_files(f"{scheme}:x") is (scheme in FILES)


@pytest.mark.parametrize(
    "ref", ["app", "app:latest", "library/app", "docker.io/app", "docker.io/library/app:latest",
            "index.docker.io/library/app", "docker-daemon:app"],
)  # fmt: skip
def test_names_that_are_one(ref: str) -> None:
    assert completed(ref) == "docker.io/library/app:latest"


@pytest.mark.parametrize(
    "ref", ["app:1", "team/app", "app-2", "localhost/app", "localhost:5000/app", "registry.example/app",
            "registry.example/library/app", "app@sha256:" + "0" * 64, "docker-archive:app"],
)  # fmt: skip
def test_names_that_only_look_alike(ref: str) -> None:
    assert completed(ref) != completed("app")
