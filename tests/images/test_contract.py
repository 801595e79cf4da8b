"""One contract for every image source: the same content gives the same answer."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from typing import NoReturn

import pytest

from migops.core.model import Entry, EntryKind
from migops.images import open_image
from tests.images.build import CREATED, forms
from tests.images.content import ALL, IMAGE, VERSIONS

FORMS = ("legacy", "legacy-gz", "hybrid", "oci-archive", "oci-archive-gz-layers", "oci", "oci-gz-layers")


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return forms(IMAGE, tmp_path_factory.mktemp("images"))


def no_engine() -> NoReturn:
    raise AssertionError("this source needs no engine")


def read(ref: str, *paths: str) -> dict[str, Entry]:
    with open_image(ref, engine=no_engine) as image:
        return image.read(paths, content=is_python)


def is_python(path: str) -> bool:
    return path.endswith(".py")


def shown(entries: Mapping[str, Entry], root: str) -> dict[str, object]:
    """Entries as the expectation writes them, with every digest proved."""
    result: dict[str, object] = {}
    for path, entry in entries.items():
        assert entry.path == path
        name = "" if path == root else posixpath.relpath(path, root)
        if entry.content is not None:
            assert entry.sha256 == hashlib.sha256(entry.content).hexdigest()
            result[name] = entry.content
        elif entry.kind is EntryKind.FILE:
            (result[name],) = [
                text for text in VERSIONS.values() if isinstance(text, bytes) and _sha256(text) == entry.sha256
            ]
        else:
            result[name] = f"-> {entry.target}" if entry.kind is EntryKind.SYMLINK else entry.kind.value
    return result


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def check_source(ref: str, engine: object) -> None:
    """The contract itself, for any reference to ``content.IMAGE``."""
    with open_image(ref, engine=engine) as image:  # type: ignore[arg-type]
        assert image.ref == ref
        assert image.config.env == {"A": "1", "B": "x=y"}
        assert image.config.working_dir == "/app"
        assert image.config.cmd == ("serve",)
        assert image.config.labels == {"l": "v"}
        assert len(image.config.diff_ids) == 3
        assert image.created is not None
        assert image.created.isoformat() == CREATED.replace("789Z", "+00:00")
        plain = image.read(["/app/versions"], content=is_python)
        assert shown(plain, "/app/versions") == VERSIONS
        assert plain["/app/versions/002.py"].mode == 0o600
        assert plain["/app/versions/002.py"].size == len(b"two, edited\n")
        assert plain["/app/versions/002.py"].mtime == 1_700_000_000
        assert plain["/app/versions/s.py"].kind is EntryKind.SYMLINK
        assert plain["/app/versions/turned"].content is None
        # through links in the leading folders, at the path itself, and clamped at the image's root
        for path in ("/current/versions", "/latest", "/up"):
            assert shown(image.read([path], content=is_python), path) == VERSIONS, path
        assert set(image.read(["/app/versions/linked"])) == {"/app/versions/linked", "/app/versions/linked/s.py"}
        # several paths in one question; trailing slashes and dots say nothing
        both = image.read(["/app/versions/", "/shared/./", "/app/versions/old"])
        assert set(both) == set(plain) | {"/shared", "/shared/s.py"}
        assert all(entry.content is None for entry in both.values())
        # what is not there is not an answer, and not an error
        assert image.read(["/no/such", "/app2/x", "/app/versions/001.py", "/app/versions/removed", "/void/x"]) == {}
        assert image.read(["/void"])["/void"].kind is EntryKind.SYMLINK
        assert image.read(["/app2"])["/app2"].kind is EntryKind.FILE
        assert set(image.read(["/empty"])) == {"/empty"}
        assert set(image.read(["/implied"])) == {
            "/implied",
            "/implied/parents",
            "/implied/parents/are",
            "/implied/parents/are/folders.py",
        }
        assert set(image.read(["/"])) == ALL | set(plain)
        assert image.read(["/etc", "/dev", "/proc"]) == {}  # though a container that was created has them


@pytest.mark.parametrize("form", FORMS)
def test_archives_and_layouts(form: str, references: dict[str, str]) -> None:
    assert set(references) == set(FORMS)
    check_source(references[form], no_engine)


@pytest.mark.parametrize("form", FORMS)
def test_the_id_is_the_configuration_s_digest(form: str, references: dict[str, str]) -> None:
    with open_image(references[form], engine=no_engine) as image:
        assert image.id == IMAGE.id
        assert [step.empty for step in image.config.history] == [False, False, False, True]
        assert image.config.history[1].created_by == "COPY layer 1 # buildkit"
