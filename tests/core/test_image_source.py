"""Where an image can be read from."""

from __future__ import annotations

import pytest

from migops.core.image_source import FILES, SCHEMES, engine_name, is_of_files
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
